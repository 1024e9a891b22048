/** Compete → verify → decide → commit, over and over until a branch is accepted: the loop itself. */

import { parseOptions } from '../base/parse-options.js';
import { traced } from '../base/tracing.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';
import {
  type ExecutorOptions,
  parseExecutorOptions,
  type ResolvedExecutorOptions,
  type RunOptions,
  runSchema,
  sandboxesPerBranch,
} from './options.js';
import { Run } from './run/run.js';
import type { NamedStrategy, RunResult, VerificationLike } from './types.js';

/**
 * Runs a task through iterations of competing branches, each in a sandbox of its own.
 *
 * @typeParam Task What is to be done; yours. JSON, if runs are to be resumed from disk.
 * @typeParam Strategy How a branch goes about it.
 * @typeParam Proposal What `propose` returns about what it did.
 * @typeParam Verification What `verify` found; `passed` decides.
 * @example
 * const executor = new IterationExecutor(manager, {
 *   target: './project',
 *   propose: async ({ task, sandbox }) => sandbox.files.write('answer.py', await askModel(task)),
 *   verify: async ({ sandbox }) => runTests(sandbox, { kind: 'pytest', tests }),
 * })
 * const { status, finalOutput } = await executor.run('Fix the failing test', { signal })
 */
export class IterationExecutor<
  Task = string,
  Strategy = NamedStrategy,
  Proposal = unknown,
  Verification extends VerificationLike = VerificationLike,
> {
  readonly #manager: SandboxManager;
  readonly #options: ResolvedExecutorOptions<Task, Strategy, Proposal, Verification>;

  /** @throws InvalidOptionsError naming every option that is unknown, wrong or missing. */
  constructor(manager: SandboxManager, options: ExecutorOptions<Task, Strategy, Proposal, Verification>) {
    this.#manager = manager;
    this.#options = parseExecutorOptions(options);
  }

  /** The most sandboxes one branch holds at a time: what a shared limit must allow. */
  get sandboxesPerBranch(): number {
    return sandboxesPerBranch(this.#options);
  }

  /**
   * Runs `task`. An abort is a result: the promise resolves with status `aborted`, the last complete iteration and a
   * state to resume from, once every sandbox is closed and nothing can begin any more.
   *
   * Errors of branches and iterations are in the result. A {@link TaskAbortedError} out of one of the functions ends the
   * run as the signal would.
   *
   * @throws InvalidOptionsError; RipcordError `seed-invalid` and the like when the run cannot begin.
   */
  async run(task: Task, options: RunOptions<Task> = {}): Promise<RunResult<Task, Strategy, Proposal, Verification>> {
    const parsed = parseOptions(runSchema, options, 'run') as RunOptions<Task>;
    return traced(
      'ripcord.task',
      parsed.id === undefined ? {} : { 'ripcord.task': parsed.id },
      () => new Run(this.#manager, this.#options, task, parsed).execute(),
      ({ run, status, iterations }) => ({
        'ripcord.task': run,
        'ripcord.status': status,
        'ripcord.iterations': iterations.length,
      }),
    );
  }
}
