/** State that the iterations and branches of a run share, and the functions through which they report to the run. */
import type { Semaphore } from '../../base/semaphore.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import type { RunEventBody } from '../events.js';
import type { BaseWorkspace } from '../files/base-workspace.js';
import type { Scratch } from '../files/scratch.js';
import type { Memory } from '../memory.js';
import type { ResolvedExecutorOptions } from '../options.js';
import type { Scope } from '../steps/scope.js';
import type { StepHost, StepPlace } from '../steps/step.js';
import type { StepContext, VerificationLike } from '../types.js';

export interface RunContext<T, S, P, V extends VerificationLike> extends StepHost {
  readonly task: T;
  readonly options: ResolvedExecutorOptions<T, S, P, V>;
  readonly manager: SandboxManager;
  readonly memory: Memory;
  /** Concurrency slots for sandboxes, which runs may share. */
  readonly slots: Semaphore;
  /** Host directories of this run. */
  readonly scratch: Scratch;
  readonly base: BaseWorkspace;
  /** True if the run begins with the files of its target. */
  readonly seedIsTarget: boolean;
  /** Returns the directory that keeps an iteration's base for a resume; undefined if the run is not recorded. */
  basePath(iteration: number): string | undefined;
  emit(body: RunEventBody): void;
  /** Records an error after which the loop continues. */
  failed(error: unknown, place: StepPlace): void;
  /** Returns true for an error that ends the run, and then aborts all of it. */
  isAbort(error: unknown): boolean;
  /** Returns the part of the context that every function of the caller receives. */
  context(scope: Scope, at: { iteration: number; branch?: number }, feedback: string | undefined): StepContext<T>;
}
