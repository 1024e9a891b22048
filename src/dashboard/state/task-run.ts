/** State of a run, built from its events: iterations, their branches, the output of each, and the decisions. */
import type { CommitReport } from '../../executor/commit/commit-types.js';
import type { LogLevel, RunEvent } from '../../executor/events.js';
import type { RecordedError } from '../../executor/executor-error.js';
import type { BranchReport, BranchStatus, Decision, RunStatus } from '../../executor/types.js';
import type { TaskResult, TaskStreamEvent } from '../api/types.js';
import { OutputLog } from '../text/output-log.js';

export interface Verdict {
  refinement: number;
  passed: boolean;
  score?: number;
  reason?: string;
  /** Counter-examples, if the verification has any. */
  tests?: readonly { name: string; status: string; message?: string }[];
}

export interface BranchView {
  branch: number;
  strategy: string;
  phase: string;
  /** Start of the phase, in milliseconds since 1970. */
  since: number;
  status: BranchStatus | undefined;
  verdicts: Verdict[];
  error: RecordedError | undefined;
  changes: number | undefined;
  durationMs: number | undefined;
  output: OutputLog;
}

export interface IterationView {
  iteration: number;
  phase: string | undefined;
  branches: BranchView[];
  decision: Decision | undefined;
  commit: CommitReport | undefined;
  durationMs: number | undefined;
}

export interface LogLine {
  seq: number;
  at: number;
  level: LogLevel;
  where: string;
  text: string;
  hint?: string | undefined;
}

const MAX_LOG_LINES = 300;
/** Number of latest iterations whose output is kept. Older ones keep only their verdicts. */
const ITERATIONS_WITH_OUTPUT = 3;

export class TaskRun {
  task: unknown;
  startedAt: number | undefined;
  readonly iterations: IterationView[] = [];
  readonly log: LogLine[] = [];
  status: RunStatus | undefined;
  finalOutput: string | undefined;
  abortReason: string | undefined;
  endedAt: number | undefined;
  /** Number of events that were dropped because the reader was too slow. */
  missed = 0;
  #lastSeq = 0;

  take(event: TaskStreamEvent): void {
    if (event.type === 'dropped') {
      this.missed += event.output + event.other;
      return;
    }
    // Events without `seq` are the server's own. The list of tasks uses them.
    if (!('seq' in event)) return;
    // After a reconnect the server may repeat events.
    if (event.seq <= this.#lastSeq) return;
    this.#lastSeq = event.seq;
    const iteration = 'iteration' in event && event.iteration > 0 ? this.#iteration(event.iteration) : undefined;
    const branch =
      iteration && 'branch' in event && event.branch !== undefined
        ? this.#branch(iteration, event.branch, event.at)
        : undefined;
    switch (event.type) {
      case 'run.started':
        this.task = event.task;
        this.startedAt = event.at;
        break;
      case 'strategies':
        for (const [index, strategy] of event.strategies.entries()) {
          this.#branch(iteration!, index + 1, event.at).strategy = nameOf(strategy);
        }
        break;
      case 'phase.changed':
        if (branch) {
          branch.phase = event.phase;
          branch.since = event.at;
          // The branches have their own phases now.
          iteration!.phase = undefined;
        } else if (iteration) iteration.phase = event.phase;
        break;
      case 'verification':
        branch!.verdicts.push(verdictOf(event.refinement, event.verification));
        break;
      case 'output':
        branch!.output.push(event.channel, event.text);
        if (event.omittedBytes > 0) branch!.output.skip(event.omittedBytes);
        break;
      case 'branch.ended':
        endBranch(branch!, event.report, event.at);
        break;
      case 'decision':
        iteration!.decision = event.decision;
        break;
      case 'commit.ended':
        iteration!.commit = event.commit;
        break;
      case 'iteration.ended':
        iteration!.durationMs = event.report.durationMs;
        iteration!.phase = undefined;
        break;
      case 'log':
        this.#note(event, event.level, event.message);
        break;
      case 'error':
        this.#note(event, 'error', `${event.phase}: ${event.error.message}`, event.error.hint);
        break;
      case 'external':
        if (event.error) this.#note(event, 'warn', `${event.name}: ${event.error.message}`, event.error.hint);
        break;
      case 'aborted':
        this.abortReason = event.reason;
        this.#note(event, 'warn', event.reason);
        break;
      case 'completed':
        this.status = event.status;
        this.finalOutput = event.finalOutput;
        this.endedAt = event.at;
        break;
      default:
    }
  }

  /** Adds iterations from the result whose events the server no longer keeps. */
  fill({ iterations }: TaskResult): void {
    for (const report of iterations) {
      if (this.iterations.some(({ iteration }) => iteration === report.iteration)) continue;
      const view = this.#iteration(report.iteration);
      view.decision = report.decision;
      view.commit = report.commit;
      view.durationMs = report.durationMs;
      for (const branch of report.branches) {
        const shown = this.#branch(view, branch.branch, 0);
        shown.strategy = nameOf(branch.strategy);
        shown.verdicts.push(...branch.attempts.map(({ verification }, index) => verdictOf(index, verification)));
        endBranch(shown, branch, 0);
      }
    }
  }

  #iteration(number: number): IterationView {
    let found = this.iterations.find(({ iteration }) => iteration === number);
    if (!found) {
      found = {
        iteration: number,
        phase: undefined,
        branches: [],
        decision: undefined,
        commit: undefined,
        durationMs: undefined,
      };
      this.iterations.push(found);
      for (const { branches } of this.iterations.slice(0, -ITERATIONS_WITH_OUTPUT)) {
        for (const { output } of branches) output.clear();
      }
    }
    return found;
  }

  #branch(iteration: IterationView, number: number, at: number): BranchView {
    let found = iteration.branches.find(({ branch }) => branch === number);
    if (!found) {
      found = {
        branch: number,
        strategy: `branch ${number}`,
        phase: 'waiting',
        since: at,
        status: undefined,
        verdicts: [],
        error: undefined,
        changes: undefined,
        durationMs: undefined,
        output: new OutputLog(48 * 1024),
      };
      iteration.branches.push(found);
      iteration.branches.sort((a, b) => a.branch - b.branch);
    }
    return found;
  }

  #note(event: RunEvent & { iteration?: number; branch?: number }, level: LogLevel, text: string, hint?: string): void {
    const where = [event.iteration ? `iteration ${event.iteration}` : '', event.branch ? `branch ${event.branch}` : '']
      .filter(Boolean)
      .join(', ');
    this.log.push({ seq: event.seq, at: event.at, level, where, text, hint });
    if (this.log.length > MAX_LOG_LINES) this.log.shift();
  }
}

function endBranch(branch: BranchView, report: BranchReport<unknown, unknown, unknown>, at: number): void {
  branch.status = report.status;
  branch.phase = report.status;
  branch.since = at;
  branch.error = report.error;
  branch.changes = report.changes?.length;
  branch.durationMs = report.durationMs;
  branch.output.end();
}

function nameOf(strategy: unknown): string {
  const name = (strategy as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : typeof strategy === 'string' ? strategy : JSON.stringify(strategy);
}

function verdictOf(refinement: number, verification: unknown): Verdict {
  const { passed, score, reason, tests } = (verification ?? {}) as Partial<Verdict>;
  return {
    refinement,
    passed: passed === true,
    ...(typeof score === 'number' && { score }),
    ...(typeof reason === 'string' && { reason }),
    ...(Array.isArray(tests) && { tests }),
  };
}
