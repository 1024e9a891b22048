/** Interfaces of the pool: a container without a sandbox, and its creation and removal. */
import type { ResolvedCreateOptions } from '../launch/options.js';
import type { PoolEvent } from './pool-stats.js';

export interface Pooled {
  readonly id: string;
  /** Id of the image's content that it was created from. */
  readonly imageId: string;
  readonly isEnded: boolean;
  /** Resolves to true if the agent answers. */
  check(): Promise<boolean>;
}

export interface PoolMaker<P extends Pooled> {
  make(options: ResolvedCreateOptions, signal: AbortSignal): Promise<P>;
  /** Ends the container, and verifies that it is removed. Never rejects. */
  remove(pooled: P): Promise<void>;
  /** True if the limits of a container can be changed. */
  readonly canResize: boolean;
  /** Returns the current id of the image's content; `undefined` if it cannot be looked up. */
  imageId(options: ResolvedCreateOptions): Promise<string | undefined>;
  emit(event: PoolEvent): void;
}
