/** The options of an executor and of a run, checked by one schema each. */
import { z } from 'zod';
import { InvalidOptionsError } from '../base/errors.js';
import { MAX_MS, milliseconds } from '../base/option-fields.js';
import { parseOptions } from '../base/parse-options.js';
import type { Semaphore } from '../base/semaphore.js';
import { applySchema } from '../commit/options.js';
import { type CreateOptions, createSchema, seedSchema } from '../launch/options.js';
import type { Approve, Commit } from './commit/commit-step.js';
import { defaultCommit } from './commit/default-commit.js';
import type { RunEvent } from './events.js';
import type { OutputMode } from './sandbox/output-tap.js';
import type { LoopFunctions, ResumeState, VerificationLike } from './types.js';

const func = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', {
  error: 'expected a function',
});
const zodType = z.custom<z.ZodType>((value) => value instanceof z.ZodType, { error: 'expected a zod schema' });

const timeoutsSchema = z.strictObject({
  strategizeMs: milliseconds.optional(),
  proposeMs: milliseconds.optional(),
  verifyMs: milliseconds.optional(),
  refineMs: milliseconds.optional(),
  decideMs: milliseconds.optional(),
  rememberMs: milliseconds.optional(),
  /** Of the `approve` callback; a person may think. */
  approveMs: milliseconds.optional(),
  /** Of the whole run; it then resolves with status `timeout`. */
  totalMs: milliseconds.optional(),
});

export const executorSchema = z.strictObject({
  strategize: func.optional(),
  propose: func,
  verify: func,
  refine: func.optional(),
  decide: func.optional(),
  remember: func.optional(),
  /** What the functions' results must be. A result that is not is an error of its branch. */
  schemas: z
    .strictObject({ strategy: zodType.optional(), proposal: zodType.optional(), verification: zodType.optional() })
    .prefault({}),
  /** Default 3. */
  maxIterations: z.number().int().min(1).default(3),
  /** Strategies wanted each iteration. Default 3. */
  branches: z.number().int().min(1).max(1000).default(3),
  /** Default 0; more needs `refine`. */
  maxRefinements: z.number().int().min(0).default(0),
  /** Branches at work at once. Default: all. */
  concurrency: z.number().int().min(1).optional(),
  timeouts: timeoutsSchema.prefault({}),
  /** For every branch's sandbox, or per branch by a function; `false`: the run has no sandboxes. */
  sandbox: z
    .union([
      z.literal(false),
      func,
      z.custom<object>((value) => typeof value === 'object' && value !== null, { error: 'expected create() options' }),
    ])
    .prefault({}),
  /**
   * The files that branches begin with. They must exist. Default: the files of `target`. A `target` that is empty or does not
   * exist receives these files and the changes; one that has other files is a conflict.
   */
  seed: seedSchema.optional(),
  /** Patterns, in .gitignore syntax, of files that branches make and that are not their work. */
  ignore: z.array(z.string()).default([]),
  /** Leave out new caches, dependency trees and files of the system: `DEFAULT_IGNORES`. Default true. */
  defaultIgnores: z.boolean().default(true),
  /** `fresh` (default): a new sandbox with nothing but the branch's files. `same`: the one the proposal was made in. */
  verifyIn: z.enum(['fresh', 'same']).default('fresh'),
  /** The host directory the winner's files are committed to. */
  target: z.string().min(1).optional(),
  /** `auto`: commit what is accepted. `manual`: ask `approve`, which sees the diff. Default: `auto` with a target. */
  commitMode: z.enum(['auto', 'manual', 'never']).optional(),
  approve: func.optional(),
  /** How a commit is made. Default: atomically, three-way against the seed. */
  commit: func.optional(),
  /** What a commit may write: `allow`, `allowRules`, `onRefused` of `applyCommit()`. */
  commitRules: applySchema.pick({ allow: true, allowRules: true, onRefused: true }).prefault({}),
  /** The best branches' files are the next iteration's base. Default false. */
  keepBest: z.boolean().default(false),
  /** How commands' output becomes events. Default `end`. */
  output: z.enum(['end', 'live', 'none']).default('end'),
  /** After an abort: how long functions get to return before they are left behind. Default 250 ms. */
  unwindMs: z.number().int().min(0).max(MAX_MS).default(250),
});

export const runSchema = z.strictObject({
  signal: z
    .custom<AbortSignal>((value) => value instanceof AbortSignal, { error: 'expected an AbortSignal' })
    .optional(),
  /** The `state` of an earlier result, or of `readRun()`. */
  resume: z
    .custom<ResumeState<never>>((value) => (value as ResumeState | null)?.version === 1, {
      error: 'expected the state of an earlier run',
    })
    .optional(),
  /** Names the run in events. Default: random. */
  id: z.string().min(1).max(64).optional(),
  /** Where the run is recorded; created. Default: nowhere. */
  runDirectory: z.string().min(1).optional(),
  /** Called with each event. What it throws is ignored. */
  onEvent: z.custom<(event: RunEvent) => void>((value) => typeof value === 'function').optional(),
  /** SIGINT and SIGTERM abort the run while it goes on, instead of ending the process. Default false. */
  abortOnSignals: z.boolean().default(false),
  /** A limit on sandboxes shared with other runs. */
  slots: z.custom<Semaphore>((value) => typeof (value as Semaphore | null)?.acquire === 'function').optional(),
});

/** Which branch a sandbox is for. */
export interface SandboxRequest<Strategy> {
  iteration: number;
  branch: number;
  strategy: Strategy;
  /** `verify` for the fresh one of a verification. */
  purpose: 'propose' | 'verify';
}

export type BranchSandboxOptions = Omit<CreateOptions, 'signal' | 'workspace'>;

type Settings = Omit<
  z.input<typeof executorSchema>,
  keyof LoopFunctions<never, never, never, never> | 'schemas' | 'sandbox' | 'approve' | 'commit' | 'output'
>;

/** Options of {@link IterationExecutor}: the loop's functions, and settings with defaults. */
export interface ExecutorOptions<Task, Strategy, Proposal, Verification extends VerificationLike>
  extends LoopFunctions<Task, Strategy, Proposal, Verification>,
    Settings {
  schemas?:
    | {
        strategy?: z.ZodType<Strategy> | undefined;
        proposal?: z.ZodType<Proposal> | undefined;
        verification?: z.ZodType<Verification> | undefined;
      }
    | undefined;
  sandbox?: false | BranchSandboxOptions | ((request: SandboxRequest<Strategy>) => BranchSandboxOptions) | undefined;
  approve?: Approve | undefined;
  commit?: Commit | undefined;
  output?: OutputMode | undefined;
}

/** Options of one `run()`. */
export interface RunOptions<Task> extends Omit<z.input<typeof runSchema>, 'resume'> {
  resume?: ResumeState<Task> | undefined;
}

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
