/** Types of the loop: arguments and results of the caller's functions, and the result of a run. */
import type { Awaitable } from '../base/awaitable.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { Change } from '../workspace/diff.js';
import type { Refused } from '../workspace/refused.js';
import type { CommitReport } from './commit/commit-types.js';
import type { RecordedError } from './executor-error.js';
import type { MergeConflict } from './files/base-workspace.js';
import type { Memory, MemoryState } from './memory.js';

/** Fields that every verification has. Yours may have more: counter-examples, measurements. */
export interface VerificationLike {
  passed: boolean;
  /** Score, higher is better. It decides between branches that passed, and selects the branch to continue from. */
  score?: number | undefined;
  /** Reason for the result, for feedback and memory. */
  reason?: string | undefined;
}

/** Default type of a strategy. */
export interface NamedStrategy {
  name: string;
}

/** Writes a message to the events and the log of the run. Messages after the end of the run are dropped. */
export type Log = (message: string, fields?: object) => void;

export interface ExternalOptions {
  /** Number of retries after the first attempt. Default 0. */
  retries?: number | undefined;
  /** Delay in milliseconds before the first retry, doubled for each further one. Default 500 ms. */
  minDelayMs?: number | undefined;
  /** Maximum delay in milliseconds. Default 30 s. */
  maxDelayMs?: number | undefined;
  /** Returns true for an error to retry. Default: every error except a TypeError that does not come from `fetch`. */
  shouldRetry?: ((error: unknown) => boolean) | undefined;
}

/**
 * Calls an outside service.
 * @param fn Receives the signal of the step and the number of the attempt, from 1.
 * @throws TaskAbortedError at once on abort, even if `fn` ignores its signal.
 */
export type External = <T>(
  name: string,
  fn: (signal: AbortSignal, attempt: number) => Awaitable<T>,
  options?: ExternalOptions,
) => Promise<T>;

/** Context that every function of the loop receives. */
export interface StepContext<Task> {
  task: Task;
  /** Number of the iteration, from 1. */
  iteration: number;
  memory: Memory;
  /** Feedback of the last decision, or the message of the error that ended the last iteration. */
  feedback: string | undefined;
  /** Signal that fires on abort and when the time limit of the step passes. */
  signal: AbortSignal;
  log: Log;
  /** Calls an outside service: checks for abort first, passes the signal, retries if `retries` is set, and records an event. */
  external: External;
}

export interface StrategizeContext<Task> extends StepContext<Task> {
  /** Number of strategies wanted. */
  branches: number;
}

export interface ProposeContext<Task, Strategy> extends StepContext<Task> {
  /** Number of the branch, from 1. */
  branch: number;
  strategy: Strategy;
  /** Sandbox of this branch alone. Every call is checked for abort. It is closed when the branch ends. */
  sandbox: Sandbox;
}

export interface VerifyContext<Task, Strategy, Proposal> extends ProposeContext<Task, Strategy> {
  proposal: Proposal;
  /** Number of refinements so far: 0 for the first proposal. */
  refinement: number;
}

export interface RefineContext<Task, Strategy, Proposal, Verification> extends VerifyContext<Task, Strategy, Proposal> {
  verification: Verification;
}

export interface DecideContext<Task, Strategy, Proposal, Verification> extends StepContext<Task> {
  branches: readonly BranchReport<Strategy, Proposal, Verification>[];
}

export interface RememberContext<Task, Strategy, Proposal, Verification>
  extends DecideContext<Task, Strategy, Proposal, Verification> {
  decision: Decision;
}

/** Result of `decide`: accepts a branch, or continues with feedback. */
export interface Decision {
  /** Number of the accepted branch. */
  accept?: number | undefined;
  reason?: string | undefined;
  /** Feedback, passed to the next iteration as `context.feedback`. */
  feedback?: string | undefined;
  /** Branches whose files the next iteration begins with, in merge order. Needs `keepBest`. */
  keep?: number[] | undefined;
}

/** The loop's functions. Only `propose` and `verify` have no default. */
export interface LoopFunctions<Task, Strategy, Proposal, Verification> {
  /** Returns strategies: one branch is made for each. If unset, there are `branches` of them, called `branch 1`, `branch 2` and so on. */
  strategize?: ((context: StrategizeContext<Task>) => Awaitable<readonly Strategy[]>) | undefined;
  /** Writes files and runs commands in `context.sandbox`. */
  propose(context: ProposeContext<Task, Strategy>): Awaitable<Proposal>;
  /** Verifies the current files of the branch's workspace. See `runTests`. */
  verify(context: VerifyContext<Task, Strategy, Proposal>): Awaitable<Verification>;
  /** Improves a proposal that did not pass, up to `maxRefinements` times, in the sandbox it was made in. */
  refine?: ((context: RefineContext<Task, Strategy, Proposal, Verification>) => Awaitable<Proposal>) | undefined;
  /**
   * Decides which branch is accepted. If unset, the branch that passed with the highest score, the first of equals; if none passed,
   * the reasons become feedback.
   */
  decide?: ((context: DecideContext<Task, Strategy, Proposal, Verification>) => Awaitable<Decision>) | undefined;
  /** Records lessons in `context.memory`. If unset, one for each branch. */
  remember?: ((context: RememberContext<Task, Strategy, Proposal, Verification>) => Awaitable<void>) | undefined;
}

export interface Attempt<Proposal, Verification> {
  proposal: Proposal;
  verification: Verification | undefined;
}

/** Status of a branch. `failed`: the verification did not pass. `error`: an error ended the branch. */
export type BranchStatus = 'passed' | 'failed' | 'error' | 'aborted';

export interface BranchReport<Strategy, Proposal, Verification> {
  iteration: number;
  branch: number;
  strategy: Strategy;
  status: BranchStatus;
  /** Last proposal. */
  proposal: Proposal | undefined;
  /** Verification of the last proposal. */
  verification: Verification | undefined;
  /** First proposal and its refinements. */
  attempts: Attempt<Proposal, Verification>[];
  error: RecordedError | undefined;
  /** Changes of the proposal that was verified last, compared with the files that the branch began with. */
  changes: Change[] | undefined;
  /** Entries that could not leave the sandbox: devices, links that lead outside, colliding names. */
  refused: Refused[];
  /** Topmost paths left out of commits by .gitignore files, `ignore` and `DEFAULT_IGNORES`. At most 1,000. */
  ignored: readonly string[];
  durationMs: number;
}

export interface IterationReport<Strategy, Proposal, Verification> {
  iteration: number;
  strategies: readonly Strategy[];
  branches: BranchReport<Strategy, Proposal, Verification>[];
  decision: Decision | undefined;
  commit: CommitReport | undefined;
  /** Conflicts of merging the files of several branches into the next base. */
  conflicts: MergeConflict[];
  /** Errors of the iteration itself. The report of a branch has its own. */
  errors: RecordedError[];
  /** False only if an abort ended the iteration. */
  complete: boolean;
  durationMs: number;
}

/**
 * Status of a run. `accepted`: a branch was accepted, and committed unless `commitMode` is `never`. `exhausted`:
 * `maxIterations` passed without that. `aborted`: the signal fired. `timeout`: `timeouts.totalMs` passed.
 */
export type RunStatus = 'accepted' | 'exhausted' | 'aborted' | 'timeout';

/** State to continue from later: `run(task, { resume: state })`. Plain data; it is JSON if `task` is. */
export interface ResumeState<Task = unknown> {
  version: 1;
  run: string;
  task: Task;
  memory: MemoryState;
  feedback: string | undefined;
  nextIteration: number;
  /** Directory of the kept base workspace. Set only with a run directory and `keepBest`. */
  base: string | undefined;
}

export interface RunResult<Task, Strategy, Proposal, Verification> {
  run: string;
  status: RunStatus;
  /** Summary of the result, for a person to read. It names an abort. */
  finalOutput: string;
  /** All iterations that began, including one that an abort ended. */
  iterations: IterationReport<Strategy, Proposal, Verification>[];
  /** The last complete iteration. */
  lastIteration: IterationReport<Strategy, Proposal, Verification> | undefined;
  /** The accepted branch. */
  winner: BranchReport<Strategy, Proposal, Verification> | undefined;
  /** Commit of the winner. With commitMode `never`, its changes, not committed. */
  commit: CommitReport | undefined;
  state: ResumeState<Task>;
  /** Report of the abort. Set only if the run was aborted or timed out. */
  abort: AbortReport | undefined;
  /** Receipts, one for each sandbox: the resources that were removed and verified absent. */
  receipts: SandboxReceipt[];
  durationMs: number;
}

export interface AbortReport {
  reason: string;
  /** Time in milliseconds from the signal to the end of the cleanup. */
  settledMs: number;
  /** Functions that had not returned by then, for example `verify of branch 3`. Their contexts refuse every further call. */
  abandoned: string[];
}
