/** A number of places, given out in the order they were asked for. */

import { onAbort, throwIfAborted } from './abort.js';
import { InvalidOptionsError, TaskAbortedError } from './errors.js';

interface Waiter {
  places: number;
  admit: () => void;
}

export class Semaphore {
  readonly #waiting: Waiter[] = [];
  #size: number;
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** From now on. Places that are taken stay taken. */
  resize(size: number): void {
    this.#size = size;
    this.#admit();
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Takes `places` at once (a branch that needs two sandboxes and got one would wait for ever beside its like). Returns
   * what gives them back; calling that twice is harmless.
   * @throws TaskAbortedError when `signal` fires while waiting. InvalidOptionsError for more places than there are.
   */
  async acquire(places: number, signal: AbortSignal | undefined, step: string): Promise<() => void> {
    throwIfAborted(signal, step);
    if (places > this.size) {
      throw new InvalidOptionsError(`${step} needs ${places} places, the limit is ${this.size}`);
    }
    if (this.#waiting.length > 0 || this.#taken + places > this.size) await this.#wait(places, signal, step);
    else this.#taken += places;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= places;
      this.#admit();
    };
  }

  #wait(places: number, signal: AbortSignal | undefined, step: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        places,
        admit: () => {
          dispose();
          resolve();
        },
      };
      this.#waiting.push(waiter);
      const dispose = onAbort(signal, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new TaskAbortedError(`Aborted before ${step}`, { cause: signal?.reason }));
        // It may have been large and first, with smaller ones behind it that fit.
        this.#admit();
      });
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.places <= this.size; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.places;
      next.admit();
    }
  }
}
