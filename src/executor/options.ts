/** Options of an executor and of a run, with the schema that checks each. */
import { z } from 'zod';
import { InvalidOptionsError } from '../base/errors.js';
import { MAX_MS, milliseconds, signalSchema } from '../base/option-fields.js';
import { parseOptions } from '../base/parse-options.js';
import type { Semaphore } from '../base/semaphore.js';
import { applySchema } from '../commit/options.js';
import { type CreateOptions, createSchema, type SeedOptions, seedSchema } from '../launch/options.js';
import type { Approve, Commit } from './commit/commit-types.js';
import { type CommitRules, defaultCommit } from './commit/default-commit.js';
import type { RunEvent } from './events.js';
import type { OutputMode } from './sandbox/output-tap.js';
import type { LoopFunctions, ResumeState, VerificationLike } from './types.js';

/** Time limits of a run, in milliseconds. If one is unset, that part has no time limit. */
export interface RunTimeouts {
  /** Time limit of `strategize`. */
  strategizeMs?: number | undefined;
  /** Time limit of each `propose`. */
  proposeMs?: number | undefined;
  /** Time limit of each `verify`. */
  verifyMs?: number | undefined;
  /** Time limit of each `refine`. */
  refineMs?: number | undefined;
  /** Time limit of `decide`. */
  decideMs?: number | undefined;
  /** Time limit of `remember`. */
  rememberMs?: number | undefined;
  /** Time limit of `approve`. Leave a person enough time to read the diff. */
  approveMs?: number | undefined;
  /** Time limit of the whole run. A run that passes it resolves with the status `timeout`. */
  totalMs?: number | undefined;
}

/** Settings of an executor, each with a default. */
export interface ExecutorSettings {
  /**
   * Maximum number of iterations.
   * @default 3
   */
  maxIterations?: number | undefined;
  /**
   * Number of strategies wanted in each iteration: one branch for each.
   * @default 3
   */
  branches?: number | undefined;
  /**
   * Maximum number of refinements of a proposal that did not pass. More than 0 needs `refine`.
   * @default 0
   */
  maxRefinements?: number | undefined;
  /** Maximum number of branches that run at once. If unset, all branches of an iteration. */
  concurrency?: number | undefined;
  /**
   * Time limits of the functions and of the run.
   * @default {}
   */
  timeouts?: RunTimeouts | undefined;
  /**
   * Files that branches begin with: a directory, which must exist. If unset, the files of `target`. A `target` that is empty or does
   * not exist receives these files and the changes; a target with other files is a conflict.
   */
  seed?: string | SeedOptions | undefined;
  /**
   * Patterns in .gitignore syntax of new files that are left out of snapshots and commits.
   * @default []
   */
  ignore?: string[] | undefined;
  /**
   * Omission of new caches, dependency trees and system files: `DEFAULT_IGNORES`.
   * @default true
   */
  defaultIgnores?: boolean | undefined;
  /**
   * Sandbox of a verification: `fresh` is a new one with only the files of the branch, `same` is the one of the proposal.
   * @default 'fresh'
   */
  verifyIn?: 'fresh' | 'same' | undefined;
  /** Path of the host directory to commit the winner's files to. If unset, no commit is made. */
  target?: string | undefined;
  /**
   * Commit mode: `auto` commits the accepted branch, `manual` first calls `approve` with the diff, `never` commits nothing. If
   * unset, `auto` with a `target`, else `never`.
   */
  commitMode?: 'auto' | 'manual' | 'never' | undefined;
  /**
   * Rules of a commit: `allow`, `allowRules` and `onRefused` of `applyCommit()`.
   * @default {}
   */
  commitRules?: CommitRules | undefined;
  /**
   * Continuation from the best branches: their files are the base of the next iteration.
   * @default false
   */
  keepBest?: boolean | undefined;
  /**
   * Events about the output of commands: one at the `end` of each, `live` pieces, or `none`.
   * @default 'end'
   */
  output?: OutputMode | undefined;
  /**
   * Time in milliseconds that the run waits after an abort for functions to return, before it ends without them.
   * @default 250
   */
  unwindMs?: number | undefined;
}

/** Options of {@link IterationExecutor}: the loop's functions, and settings with defaults. */
export interface ExecutorOptions<Task, Strategy, Proposal, Verification extends VerificationLike>
  extends LoopFunctions<Task, Strategy, Proposal, Verification>,
    ExecutorSettings {
  /**
   * Zod schemas for the results of the functions. A result that does not match is an error of its branch.
   * @default {}
   */
  schemas?: ResultSchemas<Strategy, Proposal, Verification> | undefined;
  /**
   * Options of `create()` for the sandbox of every branch, or a function that returns those of one branch. `false`: the run has no
   * sandboxes.
   * @default {}
   */
  sandbox?: false | BranchSandboxOptions | ((request: SandboxRequest<Strategy>) => BranchSandboxOptions) | undefined;
  /** Function that decides about a commit; required by `commitMode: 'manual'`. */
  approve?: Approve | undefined;
  /** Function that prepares a commit. If unset, it is made atomically, three-way against the seed. */
  commit?: Commit | undefined;
}

/** Zod schemas for the results of an executor's functions. */
export interface ResultSchemas<Strategy, Proposal, Verification> {
  /** Schema of each strategy that `strategize` returns. */
  strategy?: z.ZodType<Strategy> | undefined;
  /** Schema of the result of `propose` and `refine`. */
  proposal?: z.ZodType<Proposal> | undefined;
  /** Schema of the result of `verify`. */
  verification?: z.ZodType<Verification> | undefined;
}

/** Argument of the `sandbox` function: the branch that the sandbox is for. */
export interface SandboxRequest<Strategy> {
  /** Number of the iteration, from 1. */
  iteration: number;
  /** Number of the branch, from 1. */
  branch: number;
  /** Strategy of the branch. */
  strategy: Strategy;
  /** Purpose of the sandbox. `verify`: the fresh one of a verification. */
  purpose: 'propose' | 'verify';
}

export type BranchSandboxOptions = Omit<CreateOptions, 'signal' | 'workspace'>;

/** Options of one `run()`. */
export interface RunOptions<Task> {
  /** Signal that aborts the run. It then resolves with the status `aborted` and the work done by then. */
  signal?: AbortSignal | undefined;
  /** State to continue from: the `state` of an earlier result, or of `readRun()`. */
  resume?: ResumeState<Task> | undefined;
  /** Name of the run in events, at most 64 characters. If unset, a random one. */
  id?: string | undefined;
  /** Path of the directory that the run is recorded in; created if missing. If unset, the run is not recorded. */
  runDirectory?: string | undefined;
  /** Callback for each event. Errors that it throws are ignored. */
  onEvent?: ((event: RunEvent) => void) | undefined;
  /**
   * Handling of SIGINT and SIGTERM during the run: they abort it instead of ending the process.
   * @default false
   */
  abortOnSignals?: boolean | undefined;
  /** Limit on sandboxes that this run shares with others. If unset, no limit. */
  slots?: Semaphore | undefined;
}

const func = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', {
  error: 'expected a function',
});
const zodType = z.custom<z.ZodType>((value) => value instanceof z.ZodType, { error: 'expected a zod schema' });

export const timeoutsSchema = z.strictObject({
  strategizeMs: milliseconds.optional(),
  proposeMs: milliseconds.optional(),
  verifyMs: milliseconds.optional(),
  refineMs: milliseconds.optional(),
  decideMs: milliseconds.optional(),
  rememberMs: milliseconds.optional(),
  approveMs: milliseconds.optional(),
  totalMs: milliseconds.optional(),
});

export const executorSchema = z.strictObject({
  strategize: func.optional(),
  propose: func,
  verify: func,
  refine: func.optional(),
  decide: func.optional(),
  remember: func.optional(),
  schemas: z
    .strictObject({ strategy: zodType.optional(), proposal: zodType.optional(), verification: zodType.optional() })
    .prefault({}),
  maxIterations: z.number().int().min(1).default(3),
  branches: z.number().int().min(1).max(1000).default(3),
  maxRefinements: z.number().int().min(0).default(0),
  concurrency: z.number().int().min(1).optional(),
  timeouts: timeoutsSchema.prefault({}),
  sandbox: z
    .union([
      z.literal(false),
      func,
      z.custom<object>((value) => typeof value === 'object' && value !== null, { error: 'expected create() options' }),
    ])
    .prefault({}),
  seed: seedSchema.optional(),
  ignore: z.array(z.string()).default([]),
  defaultIgnores: z.boolean().default(true),
  verifyIn: z.enum(['fresh', 'same']).default('fresh'),
  target: z.string().min(1).optional(),
  commitMode: z.enum(['auto', 'manual', 'never']).optional(),
  approve: func.optional(),
  commit: func.optional(),
  commitRules: applySchema.pick({ allow: true, allowRules: true, onRefused: true }).prefault({}),
  keepBest: z.boolean().default(false),
  output: z.enum(['end', 'live', 'none']).default('end'),
  unwindMs: z.number().int().min(0).max(MAX_MS).default(250),
});

export const runSchema = z.strictObject({
  signal: signalSchema.optional(),
  resume: z
    .custom<ResumeState<never>>((value) => (value as ResumeState | null)?.version === 1, {
      error: 'expected the state of an earlier run',
    })
    .optional(),
  id: z.string().min(1).max(64).optional(),
  runDirectory: z.string().min(1).optional(),
  onEvent: z.custom<(event: RunEvent) => void>((value) => typeof value === 'function').optional(),
  abortOnSignals: z.boolean().default(false),
  slots: z.custom<Semaphore>((value) => typeof (value as Semaphore | null)?.acquire === 'function').optional(),
});

type Parsed = z.output<typeof executorSchema>;
export type ResolvedExecutorOptions<T, S, P, V extends VerificationLike> = Omit<
  Parsed,
  keyof LoopFunctions<never, never, never, never> | 'schemas' | 'sandbox' | 'approve' | 'commit' | 'commitMode'
> &
  LoopFunctions<T, S, P, V> &
  Pick<ExecutorOptions<T, S, P, V>, 'approve'> & {
    commit: Commit;
    schemas: NonNullable<ExecutorOptions<T, S, P, V>['schemas']>;
    sandbox: NonNullable<ExecutorOptions<T, S, P, V>['sandbox']> | false;
    commitMode: 'auto' | 'manual' | 'never';
  };

/** Returns the largest number of sandboxes that one branch holds at a time: two if it is verified in a fresh one. */
export function sandboxesPerBranch({
  sandbox,
  verifyIn,
}: Pick<ResolvedExecutorOptions<never, never, never, never>, 'sandbox' | 'verifyIn'>): number {
  if (sandbox === false) return 0;
  return verifyIn === 'fresh' ? 2 : 1;
}

/** @throws InvalidOptionsError naming every option that is unknown or wrong, and those that need each other. */
export function parseExecutorOptions<T, S, P, V extends VerificationLike>(
  options: ExecutorOptions<T, S, P, V>,
): ResolvedExecutorOptions<T, S, P, V> {
  const parsed = parseOptions(executorSchema, options, 'IterationExecutor');
  const commitMode = parsed.commitMode ?? (parsed.target === undefined ? 'never' : 'auto');
  const problem = (text: string): never => {
    throw new InvalidOptionsError(`IterationExecutor: ${text}`);
  };
  if (typeof parsed.sandbox === 'object') {
    parseOptions(createSchema.omit({ signal: true, workspace: true }), parsed.sandbox, 'IterationExecutor: sandbox');
  }
  if (commitMode !== 'never' && parsed.target === undefined) problem(`commitMode '${commitMode}' needs a target`);
  if (commitMode === 'manual' && !parsed.approve) problem("commitMode 'manual' needs an approve function");
  if (parsed.maxRefinements > 0 && !parsed.refine) problem('maxRefinements needs a refine function');
  if (parsed.sandbox === false && (commitMode !== 'never' || parsed.keepBest)) {
    problem('without sandboxes there are no files to commit or keep');
  }
  const commit = parsed.commit ?? defaultCommit(parsed.commitRules);
  return { ...parsed, commit, commitMode } as unknown as ResolvedExecutorOptions<T, S, P, V>;
}
