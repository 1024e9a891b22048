/** Counters and events of the pool. */

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
  /** Number of calls of `create()` that were served from the pool. */
  hits: number;
  /** Number of calls of `create()` for a kind that the pool keeps, when none was ready. */
  misses: number;
  /** Number of sandboxes taken back after a proven reset. */
  recycled: number;
  /** Number of sandboxes removed from the pool or not taken back, by reason. */
  discarded: Record<string, number>;
  /** Number of ready sandboxes, including used ones. */
  ready: number;
  /** Number of sandboxes that are being created. */
  refilling: number;
  /** Time in milliseconds to create a sandbox in the background; 0 before the first one. */
  refillMs: { last: number; mean: number };
  kinds: { image: string; ready: number; recycled: number; refilling: number; size: number; learnt: number }[];
}

const MAX_REASONS = 100;

/** Counters of the pool. */
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
    // Limit the number of reasons: the agent chooses some of the texts, and it is not trusted.
    const key = this.discarded.has(reason) || this.discarded.size < MAX_REASONS ? reason : 'other';
    this.discarded.set(key, (this.discarded.get(key) ?? 0) + 1);
  }

  get refillMs(): PoolStats['refillMs'] {
    return { last: this.#lastMs, mean: this.#made === 0 ? 0 : this.#totalMs / this.#made };
  }
}
