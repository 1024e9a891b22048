/**
 * Finds the best number of concurrent container starts by hill climbing, because it differs between machines and no
 * engine reports it. The measure is starts per second: one window of starts at a limit, then one at the next. The limit
 * goes up while the rate rises and down while the rate does not fall. Of two limits with the same rate the lower one is
 * better, because each start and each abort is faster.
 */
import { Semaphore } from '../base/semaphore.js';

export interface GateBounds {
  /** Initial limit and its bounds. */
  initial: number;
  min: number;
  max: number;
}

/**
 * Relative change of the rate that counts. Smaller ones are noise: a higher limit must gain this much, a lower one must
 * not lose it.
 */
const NOTICEABLE = 0.05;
/** Number of starts in a window, for each place of the limit. */
const STARTS_PER_PLACE = 2;
const MIN_STARTS = 8;
/** Divisor of a step: the limit changes by a quarter, so that large machines are measured quickly, too. */
const STEP = 4;

export class AdaptiveGate extends Semaphore {
  readonly #bounds: GateBounds;
  readonly #now: () => number;
  #direction: 1 | -1 = 1;
  #rate = 0;
  #since: number | undefined;
  #finished = 0;

  constructor(bounds: GateBounds, now: () => number = () => performance.now()) {
    super(bounds.initial);
    this.#bounds = bounds;
    this.#now = now;
  }

  override async acquire(places: number, signal: AbortSignal | undefined, step: string): Promise<() => void> {
    const release = await super.acquire(places, signal, step);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      // Read this before `release()`: if no start is waiting, the limit is not the bottleneck.
      const full = this.waiting > 0;
      release();
      this.#count(full);
    };
  }

  #count(full: boolean): void {
    if (!full) {
      this.#since = undefined;
      return;
    }
    if (this.#since === undefined) {
      this.#since = this.#now();
      this.#finished = 0;
      return;
    }
    this.#finished++;
    if (this.#finished < Math.max(MIN_STARTS, this.size * STARTS_PER_PLACE)) return;
    const now = this.#now();
    this.#judge(this.#finished / Math.max(now - this.#since, 1));
    this.#since = now;
    this.#finished = 0;
  }

  #judge(rate: number): void {
    const wanted = 1 + this.#direction * NOTICEABLE;
    if (rate < this.#rate * wanted) this.#direction = this.#direction === 1 ? -1 : 1;
    this.#rate = rate;
    const step = Math.max(1, Math.round(this.size / STEP)) * this.#direction;
    this.resize(Math.min(this.#bounds.max, Math.max(this.#bounds.min, this.size + step)));
  }
}
