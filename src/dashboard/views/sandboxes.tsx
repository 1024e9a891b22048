/** List of all sandboxes with their resource use and last command. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SandboxDocument } from '../api/types.js';
import { Badge } from '../components/badge.js';
import { CommandEnd, CommandName } from '../components/command-summary.js';
import { Gauge } from '../components/gauge.js';
import { Labels } from '../components/labels.js';
import { Empty, Loading, Problem } from '../components/problem.js';
import { Spark } from '../components/spark.js';
import { now } from '../state/clock.js';
import { links } from '../state/route.js';
import { newRequested } from '../state/shortcuts.js';
import { closeSandbox, creating, sandboxes, usage } from '../state/store.js';
import { bytes, span } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';
import { CreateSandbox } from './create-sandbox.js';

export function Sandboxes() {
  const [making, setMaking] = useState(false);
  useNewRequest(() => setMaking(true));
  const { data, error } = sandboxes;
  const list = data.value;
  return (
    <>
      <header class="view-head">
        <h1>Sandboxes</h1>
        <button type="button" class="primary" onClick={() => setMaking(true)}>
          New sandbox
        </button>
      </header>
      {error.value && <Problem what="The sandboxes cannot be read." error={error.value} retry={sandboxes.load} />}
      {!list && !error.value && <Loading what="Reading the sandboxes…" />}
      {list && list.length === 0 && creating.value.size === 0 && (
        <Empty title="No sandbox is open.">
          <p>Create one here, start a task, or use the API. New sandboxes appear at once.</p>
          <button type="button" onClick={() => setMaking(true)}>
            New sandbox
          </button>
        </Empty>
      )}
      {list && list.length + creating.value.size > 0 && (
        <table class="rows sandboxes">
          <thead>
            <tr>
              <th scope="col">Sandbox</th>
              <th scope="col">Image</th>
              <th scope="col" class="figure">
                Age
              </th>
              <th scope="col">CPU</th>
              <th scope="col">Memory</th>
              <th scope="col">Last command</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {[...creating.value].map(([id, { image, at }]) => (
              <tr key={id}>
                <th scope="row">
                  <code>{safeLine(id)}</code>
                </th>
                <td>{safeLine(image)}</td>
                <td class="figure">{span(now.value - at)}</td>
                <td colSpan={4}>
                  <Badge state="creating">being made</Badge>
                </td>
              </tr>
            ))}
            {list.map((sandbox) => (
              <Row key={sandbox.id} sandbox={sandbox} />
            ))}
          </tbody>
        </table>
      )}
      {making && <CreateSandbox onClose={() => setMaking(false)} />}
    </>
  );
}

function Row({ sandbox }: { sandbox: SandboxDocument }) {
  const { id, image, createdAt, state, labels } = sandbox;
  return (
    <tr>
      <th scope="row">
        <a href={links.sandbox(id)}>
          <code>{safeLine(id)}</code>
        </a>
        {state !== 'open' && <Badge state={state} />}
        <Labels of={labels} max={3} />
      </th>
      <td data-label="Image">{safeLine(image)}</td>
      <td data-label="Age" class="figure">
        {span(now.value - Date.parse(createdAt))}
      </td>
      <td data-label="CPU">
        <Cpu id={id} />
      </td>
      <td data-label="Memory">
        <Memory sandbox={sandbox} />
      </td>
      <td data-label="Last command" class="command">
        <LastCommand sandbox={sandbox} />
      </td>
      <td class="actions">
        <a class="button" href={links.sandbox(id, 'terminal')}>
          Terminal
        </a>
        <button type="button" class="danger" onClick={() => void closeSandbox(id)} aria-label={`Close sandbox ${id}`}>
          Close
        </button>
      </td>
    </tr>
  );
}

export function Cpu({ id }: { id: string }) {
  const percent = usage.percent(id);
  const last = percent.at(-1);
  return (
    <span class="meter">
      <span class="figure">{last === undefined ? '–' : `${Math.round(last)} %`}</span>
      <Spark values={percent} />
    </span>
  );
}

export function Memory({ sandbox: { stats, limits } }: { sandbox: SandboxDocument }) {
  const used = stats?.memoryBytes;
  const { memory } = limits;
  return (
    <span class="meter">
      <span class="figure">{bytes(used)}</span>
      {used !== undefined && <Gauge value={used} max={memory} label={`of ${bytes(memory)}`} />}
    </span>
  );
}

function LastCommand({ sandbox: { lastCommand } }: { sandbox: SandboxDocument }) {
  if (!lastCommand) return <span class="muted">none yet</span>;
  return (
    <>
      <CommandName argv={lastCommand.argv} />
      <CommandEnd command={lastCommand} />
    </>
  );
}

/** Runs `begin` when the user presses the key to create a sandbox or task. */
export function useNewRequest(begin: () => void): void {
  const seen = useRef(newRequested.peek());
  const { value } = newRequested;
  useEffect(() => {
    if (value === seen.current) return;
    seen.current = value;
    begin();
  }, [value]);
}
