/** What the pool has done, in figures and as it happens. */

export type PoolEvent =
  /** A pooled sandbox is ready. */
  | { type: 'pool.ready'; sandbox: string; image: string; durationMs: number; at: number }
  /** A sandbox was reset, proven clean and handed back to the pool. */
  | { type: 'pool.recycled'; sandbox: string; image: string; domain: string; at: number }
  /** A sandbox was removed from the pool, or not taken back, for `reason`. */
  | { type: 'pool.discarded'; sandbox: string; image: string; reason: string; at: number }
  /** A pooled sandbox could not be made. The pool tries again later. */
  | { type: 'pool.failed'; image: string; error: string; at: number };

export interface PoolStats {
  /** `create()` served from the pool, at once. */
  hits: number;
  /** `create()` of a kind the pool keeps that found nothing there. */
  misses: number;
  /** Handed back proven clean. */
  recycled: number;
  /** Thrown away, by reason. */
  discarded: Record<string, number>;
  /** Standing ready, used ones included. */
  ready: number;
  /** Being made. */
  refilling: number;
  /** Of the ones made in the background; 0 before the first. */
  refillMs: { last: number; mean: number };
  kinds: { image: string; ready: number; recycled: number; refilling: number; size: number; learnt: number }[];
}

const MAX_REASONS = 100;

/** The counting part. */
export class Tally {
  hits = 0;
  misses = 0;
  recycled = 0;
  readonly discarded = new Map<string, number>();
  #made = 0;
  #totalMs = 0;
  #lastMs = 0;

  made(durationMs: number): void {
    this.#made++;
    this.#totalMs += durationMs;
    this.#lastMs = durationMs;
  }

  discard(reason: string): void {
    // The agent words some of them, and it is not trusted to have few.
    const key = this.discarded.has(reason) || this.discarded.size < MAX_REASONS ? reason : 'other';
    this.discarded.set(key, (this.discarded.get(key) ?? 0) + 1);
  }

  get refillMs(): PoolStats['refillMs'] {
    return { last: this.#lastMs, mean: this.#made === 0 ? 0 : this.#totalMs / this.#made };
  }
}
