/** Starts a task from a spec of the server, and lists all tasks. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api/http.js';
import type { TaskDocument } from '../api/types.js';
import { AbortButton } from '../components/abort-button.js';
import { Badge } from '../components/badge.js';
import { Empty, Loading, Problem } from '../components/problem.js';
import { now } from '../state/clock.js';
import { attempt } from '../state/notices.js';
import { go, links } from '../state/route.js';
import { abortTask, isRunning, specs, tasks } from '../state/store.js';
import { branchCounts } from '../text/branch-counts.js';
import { clockTime, plural, span } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';
import { useNewRequest } from './sandboxes.js';

export function Tasks() {
  useEffect(() => {
    void specs.load();
    void tasks.load();
  }, []);
  const { data, error } = tasks;
  const list = data.value && [...data.value].sort((a, b) => b.startedAt - a.startedAt);
  return (
    <>
      <header class="view-head">
        <h1>Tasks</h1>
        <p class="muted">Branches propose, verification decides, you approve.</p>
      </header>
      <StartTask />
      {error.value && <Problem what="The tasks cannot be read." error={error.value} retry={tasks.load} />}
      {!list && !error.value && <Loading what="Reading the tasks…" />}
      {list && list.length === 0 && (
        <Empty title="No task was started.">
          <p>Its branches, their output and their verdicts appear here as they compete.</p>
        </Empty>
      )}
      {list && list.length > 0 && (
        <table class="rows tasks">
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">State</th>
              <th scope="col">Branches</th>
              <th scope="col" class="figure">
                Time
              </th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {list.map((task) => (
              <Row key={task.id} task={task} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ task }: { task: TaskDocument }) {
  const { id, spec, state, awaitsApproval, startedAt, endedAt, iteration, branches, finalOutput, error } = task;
  const running = isRunning(task);
  return (
    <tr>
      <th scope="row">
        <a href={links.task(id)}>
          <code>{safeLine(id)}</code>
        </a>
        {spec && <span class="muted"> {safeLine(spec)}</span>}
      </th>
      <td data-label="State">
        {awaitsApproval ? <Badge state="approve">approval needed</Badge> : <Badge state={state} />}
        {!running && (finalOutput || error) && (
          <p class="said">
            <bdi>{safeLine(error ?? finalOutput, 160)}</bdi>
          </p>
        )}
      </td>
      <td data-label="Branches" class="wide">
        {branches.length > 0 ? (
          <span class="branch-signs">
            <span class="muted">
              {plural(branches.length, 'branch', 'branches')} of iteration {iteration}:
            </span>
            {branchCounts(branches).map(({ phase, count }) => (
              <Badge key={phase} state={phase}>
                {count} {phase}
              </Badge>
            ))}
          </span>
        ) : (
          <span class="muted">–</span>
        )}
      </td>
      <td data-label="Time" class="figure">
        <span title={`Started at ${clockTime(startedAt)}`}>{span((endedAt ?? now.value) - startedAt)}</span>
      </td>
      <td class="actions">
        {running && <AbortButton label="Abort" hint={`Abort task ${id}`} abort={() => abortTask(id)} />}
      </td>
    </tr>
  );
}

function StartTask() {
  const list = specs.data.value;
  const [name, setName] = useState<string>();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLSelectElement>(null);
  useNewRequest(() => field.current?.focus());
  const error = specs.error.value;
  if (error) return <Problem what="The specs cannot be read." error={error} retry={specs.load} />;
  if (!list) return <Loading what="Reading the specs…" />;
  if (list.length === 0) {
    return (
      <p class="lead muted">
        This server knows no spec. Start it with <code>ripcord serve --spec name=file</code>; one then starts tasks
        here.
      </p>
    );
  }
  const start = async () => {
    setBusy(true);
    await attempt('The task could not be started', async () => {
      const body = { spec: name ?? list[0], ...(text.trim() && { task: taskOf(text) }) };
      const { id } = await post<{ id: string }>('/v1/tasks', body);
      await tasks.load();
      go(links.task(id));
    });
    setBusy(false);
  };
  return (
    <form
      class="start-task"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <label>
        Spec
        <select ref={field} value={name ?? list[0]} onChange={(event) => setName(event.currentTarget.value)}>
          {list.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <label class="wide">
        Task
        <textarea
          rows={1}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          placeholder="The task of the spec, or another one as text or JSON"
        />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        Start
      </button>
    </form>
  );
}

/** Parses the input of a task: JSON if it is an object or an array, else text. */
function taskOf(text: string): unknown {
  return /^\s*[[{]/.test(text) ? JSON.parse(text) : text;
}
