/**
 * How many containers are made at once, found out while they are made: what an engine takes best differs from machine to
 * machine, and nothing it tells says so. A climb on the only thing that counts, how many it finishes in a second: one
 * window of starts at a limit, then one at the next; up for as long as that gains, down for as long as it costs nothing.
 * Of two limits that do the same the lower one is better: each start is sooner, and so is an abort.
 */
import { Semaphore } from '../base/semaphore.js';

export interface GateBounds {
  /** Limits never left; the first is where the climb begins. */
  initial: number;
  min: number;
  max: number;
}

/** Less than this is noise: what goes up has to gain it, what goes down may not lose it. */
const NOTICEABLE = 0.05;
/** A limit is judged by this many starts for each place, but never by a few. */
const STARTS_PER_PLACE = 2;
const MIN_STARTS = 8;
/** A quarter at a time, so that a large machine does not take all day. */
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
      // Asked before the next one is let in: with nobody waiting the limit is not what holds anybody up.
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
