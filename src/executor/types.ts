/** The words of the loop as types: what a caller's functions get, return, and what a run says in the end. */
import type { Awaitable } from '../base/awaitable.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { Change } from '../workspace/diff.js';
import type { Refused } from '../workspace/refused.js';
import type { CommitReport } from './commit/commit-types.js';
import type { RecordedError } from './executor-error.js';
import type { MergeConflict } from './files/base-workspace.js';
import type { Memory, MemoryState } from './memory.js';

/** The least a verification says. Yours may say more: counter-examples, measurements. */
export interface VerificationLike {
  passed: boolean;
  /** Higher is better. Decides between branches that passed, and which one is worth going on from. */
  score?: number | undefined;
  /** Why not, for feedback and memory. */
  reason?: string | undefined;
}

/** What strategies are where none are given. */
export interface NamedStrategy {
  name: string;
}

/** Writes to the run's events and log. Dropped once the run has ended. */
export type Log = (message: string, fields?: object) => void;

export interface ExternalOptions {
  /** Tries after the first. Default 0. */
  retries?: number | undefined;
  /** Before the first retry; doubled for each further one. Default 500 ms. */
  minDelayMs?: number | undefined;
  /** Default 30 s. */
  maxDelayMs?: number | undefined;
  /** Whether an error is worth another try. Default: every one but a TypeError that is none of `fetch`'s. */
  shouldRetry?: ((error: unknown) => boolean) | undefined;
}

/**
 * @param fn Gets the step's signal and the number of the attempt, from 1.
 * @throws TaskAbortedError at once on abort, whether `fn` listens to its signal or not.
 */
export type External = <T>(
  name: string,
  fn: (signal: AbortSignal, attempt: number) => Awaitable<T>,
  options?: ExternalOptions,
) => Promise<T>;

/** What every function gets. */
export interface StepContext<Task> {
  task: Task;
  /** Counts from 1. */
  iteration: number;
  memory: Memory;
  /** What the last decision, or the error in its place, had to say. */
  feedback: string | undefined;
  /** Fires on abort and when the step's time is up. */
  signal: AbortSignal;
  log: Log;
  /** A call to the outside: checked for abort before, given the signal, retried when asked, recorded. */
  external: External;
}

export interface StrategizeContext<Task> extends StepContext<Task> {
  /** How many are wanted. */
  branches: number;
}

export interface ProposeContext<Task, Strategy> extends StepContext<Task> {
  /** Counts from 1. */
  branch: number;
  strategy: Strategy;
  /** This branch's own. Every call is checked for abort; it is closed when the branch ends. */
  sandbox: Sandbox;
}

export interface VerifyContext<Task, Strategy, Proposal> extends ProposeContext<Task, Strategy> {
  proposal: Proposal;
  /** 0 for the first proposal. */
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

/** Accept a branch, or go on with feedback. */
export interface Decision {
  /** The branch whose work is taken. */
  accept?: number | undefined;
  reason?: string | undefined;
  /** For the next iteration. */
  feedback?: string | undefined;
  /** Branches whose files the next iteration begins with, in the order they are merged. Needs `keepBest`. */
  keep?: number[] | undefined;
}

/** The loop's functions. Only `propose` and `verify` have no default. */
export interface LoopFunctions<Task, Strategy, Proposal, Verification> {
  /** Returns strategies: one branch is made for each. If unset, there are `branches` of them, called `branch 1`, `branch 2` and so on. */
  strategize?: ((context: StrategizeContext<Task>) => Awaitable<readonly Strategy[]>) | undefined;
  /** Writes files and runs commands in `context.sandbox`. */
  propose(context: ProposeContext<Task, Strategy>): Awaitable<Proposal>;
  /** Judges the files that the branch's workspace holds now. See `runTests`. */
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

/** `failed`: verified and found wrong. `error`: did not get that far. */
export type BranchStatus = 'passed' | 'failed' | 'error' | 'aborted';

export interface BranchReport<Strategy, Proposal, Verification> {
  iteration: number;
  branch: number;
  strategy: Strategy;
  status: BranchStatus;
  /** The last one. */
  proposal: Proposal | undefined;
  /** Of the last proposal. */
  verification: Verification | undefined;
  /** The first proposal and its refinements. */
  attempts: Attempt<Proposal, Verification>[];
  error: RecordedError | undefined;
  /** What the last proposal that was verified changed, against what the branch began with. */
  changes: Change[] | undefined;
  /** What could not leave the sandbox: devices, links that lead outside, colliding names. */
  refused: Refused[];
  /** The topmost paths that no commit takes: .gitignore files, `ignore` and `DEFAULT_IGNORES` name them. At most 1,000. */
  ignored: readonly string[];
  durationMs: number;
}

export interface IterationReport<Strategy, Proposal, Verification> {
  iteration: number;
  strategies: readonly Strategy[];
  branches: BranchReport<Strategy, Proposal, Verification>[];
  decision: Decision | undefined;
  commit: CommitReport | undefined;
  /** Of the merge of several branches' files into the next base. */
  conflicts: MergeConflict[];
  /** Errors of the iteration itself; those of branches are with them. */
  errors: RecordedError[];
  /** False only for the one an abort ended. */
  complete: boolean;
  durationMs: number;
}

/**
 * `accepted`: a branch was, and its files were committed where that was asked for. `exhausted`: `maxIterations` without
 * that. `aborted`: by the signal. `timeout`: by `timeouts.totalMs`.
 */
export type RunStatus = 'accepted' | 'exhausted' | 'aborted' | 'timeout';

/** Enough to go on later: `run(task, { resume: state })`. Plain data; JSON where `task` is. */
export interface ResumeState<Task = unknown> {
  version: 1;
  run: string;
  task: Task;
  memory: MemoryState;
  feedback: string | undefined;
  nextIteration: number;
  /** Where the kept base workspace lies; only with a run directory, and only with `keepBest`. */
  base: string | undefined;
}

export interface RunResult<Task, Strategy, Proposal, Verification> {
  run: string;
  status: RunStatus;
  /** What came of it, for a person; on abort it says so. */
  finalOutput: string;
  /** All that began, the one an abort ended included. */
  iterations: IterationReport<Strategy, Proposal, Verification>[];
  /** The last complete one. */
  lastIteration: IterationReport<Strategy, Proposal, Verification> | undefined;
  /** The accepted branch. */
  winner: BranchReport<Strategy, Proposal, Verification> | undefined;
  /** What was committed, or would have been. */
  commit: CommitReport | undefined;
  state: ResumeState<Task>;
  /** Only when aborted or timed out. */
  abort: AbortReport | undefined;
  /** One for each sandbox: what was removed and verified absent. */
  receipts: SandboxReceipt[];
  durationMs: number;
}

export interface AbortReport {
  reason: string;
  /** From the signal to the end of everything. */
  settledMs: number;
  /** Functions that had not returned by then, e.g. `verify of branch 3`. Their contexts refuse every further call. */
  abandoned: string[];
}
