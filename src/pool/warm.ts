/** What the pool knows of a sandbox that nobody uses, and what it has others do for it. */
import type { ResolvedCreateOptions } from '../launch/options.js';
import type { PoolEvent } from './pool-stats.js';

export interface Warm {
  readonly id: string;
  /** The image it was made from, by content. */
  readonly imageId: string;
  readonly isEnded: boolean;
  /** Resolves to whether it answers. */
  check(): Promise<boolean>;
}

export interface WarmMaker<W extends Warm> {
  make(options: ResolvedCreateOptions, signal: AbortSignal): Promise<W>;
  /** Ends it and makes sure; never rejects. */
  remove(warm: W): Promise<void>;
  /** The content the image's name stands for at present. */
  imageId(options: ResolvedCreateOptions): Promise<string>;
  emit(event: PoolEvent): void;
}
