/** The loop: compete, verify, decide and commit, until a branch is accepted. */

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
 * @typeParam Task The task, of any type. It must be JSON if runs are resumed from disk.
 * @typeParam Strategy The approach of a branch.
 * @typeParam Proposal The result of `propose`.
 * @typeParam Verification The result of `verify`. Its `passed` decides.
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

  /** Maximum number of sandboxes that one branch holds at a time. A shared limit must allow at least as many. */
  get sandboxesPerBranch(): number {
    return sandboxesPerBranch(this.#options);
  }

  /**
   * Runs `task`. An abort is a result: once every sandbox is closed and no work can start any more, the promise resolves
   * with status `aborted`, the last complete iteration and a state to resume from.
   *
   * The result has the errors of branches and iterations. If a function throws a {@link TaskAbortedError}, the run ends
   * as if its signal had fired.
   *
   * @throws InvalidOptionsError; RipcordError `seed-invalid` and others if the run cannot begin.
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
