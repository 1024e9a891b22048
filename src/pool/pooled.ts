/** The pool's view of a container without a sandbox, and the work that is done for the pool. */
import type { ResolvedCreateOptions } from '../launch/options.js';
import type { PoolEvent } from './pool-stats.js';

export interface Pooled {
  readonly id: string;
  /** The image it was made from, by content. */
  readonly imageId: string;
  readonly isEnded: boolean;
  /** Resolves to whether it answers. */
  check(): Promise<boolean>;
}

export interface PoolMaker<P extends Pooled> {
  make(options: ResolvedCreateOptions, signal: AbortSignal): Promise<P>;
  /** Ends it and makes sure; never rejects. */
  remove(pooled: P): Promise<void>;
  /** The limits of one can be changed. */
  readonly canResize: boolean;
  /** The content that the image's name stands for at present; `undefined` if that cannot be looked up. */
  imageId(options: ResolvedCreateOptions): Promise<string | undefined>;
  emit(event: PoolEvent): void;
}
