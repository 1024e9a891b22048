/** One task: its branches with their output and verdicts, and the commit. */
import { useEffect, useState } from 'preact/hooks';
import type { TaskDocument, TaskResult } from '../api/types.js';
import { Badge } from '../components/badge.js';
import { Output } from '../components/output.js';
import { Empty, Hint, Loading, Problem } from '../components/problem.js';
import { isCleanReceipt } from '../state/clean-receipt.js';
import { now } from '../state/clock.js';
import { links } from '../state/route.js';
import { isRunning, tasks } from '../state/store.js';
import type { BranchView, IterationView, LogLine, TaskRun } from '../state/task-run.js';
import { TaskStream } from '../state/task-stream.js';
import { clockTime, duration, plural, span } from '../text/format.js';
import { safeLine, safeText } from '../text/safe-text.js';
import { Approval } from './approval.js';
import { ReceiptTable } from './receipts.js';

export function TaskPage({ id }: { id: string }) {
  const [stream, setStream] = useState<TaskStream>();
  useEffect(() => {
    const opened = new TaskStream(id);
    setStream(opened);
    return () => opened.close();
  }, [id]);
  void stream?.version.value;
  const task = tasks.data.value?.find((one) => one.id === id);
  const error = stream?.error.value;
  if (!task) {
    if (error?.status === 404 || (tasks.data.value && !stream?.run.startedAt)) return <Unknown id={id} />;
    return <Loading what="Reading the task…" />;
  }
  const run = stream?.run;
  const iterations = run ? [...run.iterations].reverse() : [];
  return (
    <>
      <Head task={task} />
      {error && <Problem what="The task's events cannot be followed." error={error} />}
      {task.awaitsApproval && <Approval id={id} />}
      <Outcome task={task} run={run} />
      {iterations.length === 0 && isRunning(task) && <Loading what="The first iteration begins…" />}
      {iterations.map((iteration, index) => (
        <Iteration key={iteration.iteration} iteration={iteration} current={index === 0} />
      ))}
      {run && run.missed > 0 && <p class="muted">{plural(run.missed, 'event')} were left out: they came too fast.</p>}
      {run && run.log.length > 0 && <Log lines={run.log} />}
      {stream?.result.value && <Teardown result={stream.result.value} />}
    </>
  );
}

function Unknown({ id }: { id: string }) {
  return (
    <Empty title={`There is no task ${safeLine(id, 64)}.`}>
      <p>The server keeps the last 100 tasks.</p>
      <a href={links.tasks}>To the tasks</a>
    </Empty>
  );
}

function Head({ task }: { task: TaskDocument }) {
  const { id, spec, state, startedAt, endedAt, awaitsApproval } = task;
  return (
    <header class="view-head">
      <div>
        <p class="crumbs">
          <a href={links.tasks}>Tasks</a>
        </p>
        <h1>
          <code>{safeLine(id)}</code> {spec && <span class="muted">{safeLine(spec)}</span>}
        </h1>
        <p class="facts" role="status">
          {awaitsApproval ? <Badge state="approve">approval needed</Badge> : <Badge state={state} />}
          <span class="muted">
            {span((endedAt ?? now.value) - startedAt)}, since {clockTime(startedAt)}
          </span>
        </p>
      </div>
    </header>
  );
}

function Outcome({ task, run }: { task: TaskDocument; run: TaskRun | undefined }) {
  const said = task.error ?? task.finalOutput ?? run?.finalOutput;
  return (
    <>
      {run?.task !== undefined && (
        <details class="task-text">
          <summary>The task</summary>
          <pre>{safeText(typeof run.task === 'string' ? run.task : JSON.stringify(run.task, undefined, 2))}</pre>
        </details>
      )}
      {said && (
        <div class={`outcome ${task.state}`} role="status">
          <p>{safeText(said)}</p>
        </div>
      )}
    </>
  );
}

function Iteration({ iteration, current }: { iteration: IterationView; current: boolean }) {
  const { iteration: number, branches, decision, commit, phase, durationMs } = iteration;
  const passed = branches.filter(({ status }) => status === 'passed').length;
  return (
    <details class="iteration" open={current}>
      <summary>
        <h2>Iteration {number}</h2>
        <span class="muted">
          {plural(branches.length, 'branch', 'branches')}
          {passed > 0 && `, ${passed} passed`}
          {durationMs !== undefined && `, ${duration(durationMs)}`}
        </span>
        {phase && <Badge state={phase} />}
      </summary>
      <div class="branches">
        {branches.map((branch) => (
          <Branch key={branch.branch} branch={branch} accepted={decision?.accept === branch.branch} />
        ))}
      </div>
      {decision && (
        <p class="decision">
          <strong>
            {decision.accept === undefined ? 'No branch was accepted.' : `Branch ${decision.accept} was accepted.`}
          </strong>{' '}
          {safeLine(decision.reason ?? '', 500)}
        </p>
      )}
      {commit && (
        <p class="decision">
          <Badge state={commit.status} /> {commit.target && <code>{safeLine(commit.target)}</code>}{' '}
          {plural(commit.changes.length, 'change')}
          {commit.issues.length > 0 &&
            `: ${commit.issues
              .slice(0, 5)
              .map(({ path, reason }) => safeLine(`${path}: ${reason}`, 200))
              .join('; ')}`}
          {commit.feedback && <span class="muted"> {safeLine(commit.feedback, 300)}</span>}
        </p>
      )}
    </details>
  );
}

function Branch({ branch, accepted }: { branch: BranchView; accepted: boolean }) {
  const { branch: number, strategy, phase, since, status, verdicts, error, changes, durationMs, output } = branch;
  const name = safeLine(strategy, 120);
  return (
    <article class={`branch ${accepted ? 'accepted' : (status ?? 'working')}`} aria-label={`Branch ${number}, ${name}`}>
      <header>
        <span class="branch-number">{number}</span>
        <h3 title={name}>
          <bdi>{name}</bdi>
        </h3>
        <Badge state={accepted ? 'accepted' : phase}>{accepted ? 'accepted' : phase}</Badge>
        <span class="muted figure">{status ? duration(durationMs) : span(now.value - since)}</span>
      </header>
      <Output
        log={output}
        label={`Output of branch ${number}`}
        empty={status ? 'It printed nothing.' : 'No output yet.'}
      />
      {verdicts.length > 0 && (
        <ol class="verdicts">
          {verdicts.map((verdict) => (
            <li key={verdict.refinement}>
              <Badge state={verdict.passed ? 'passed' : 'failed'} />
              {verdict.score !== undefined && <span class="muted">score {Math.round(verdict.score * 100) / 100}</span>}
              <span class="reason">
                <bdi>{safeLine(verdict.reason ?? '', 400)}</bdi>
              </span>
            </li>
          ))}
        </ol>
      )}
      {error && (
        <>
          <p class="bad">{safeLine(error.message, 500)}</p>
          <Hint of={error} />
        </>
      )}
      {changes !== undefined && <p class="muted">{plural(changes, 'change')} to the workspace</p>}
    </article>
  );
}

function Log({ lines }: { lines: readonly LogLine[] }) {
  return (
    <details class="task-log">
      <summary>Log ({lines.length})</summary>
      <ol>
        {lines.map(({ seq, at, level, where, text, hint }) => (
          <li key={seq} class={level}>
            <time>{clockTime(at)}</time> <span class="muted">{where}</span> <bdi>{safeLine(text, 1000)}</bdi>
            {hint && <span class="muted"> {safeLine(hint, 500)}</span>}
          </li>
        ))}
      </ol>
    </details>
  );
}

function Teardown({ result: { receipts, abort } }: { result: TaskResult }) {
  if (receipts.length === 0) return null;
  const left = receipts.filter((receipt) => !isCleanReceipt(receipt));
  return (
    <section class="task-receipts">
      <h2>Teardown</h2>
      <p class="lead">
        {left.length === 0
          ? `${plural(receipts.length, 'sandbox', 'sandboxes')} ended; nothing of them is left.`
          : `Of ${plural(receipts.length, 'sandbox', 'sandboxes')} something may be left.`}
        {abort && ` Everything had ended ${duration(abort.settledMs)} after the abort.`}
      </p>
      <ReceiptTable receipts={receipts} />
    </section>
  );
}
