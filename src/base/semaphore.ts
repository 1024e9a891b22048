/** A counting semaphore that grants slots in the order of the requests. */

import { onAbort, throwIfAborted } from './abort.js';
import { InvalidOptionsError, TaskAbortedError } from './errors.js';

interface Waiter {
  slots: number;
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

  /** Changes the number of slots. Slots in use stay in use. */
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
   * Waits for `slots` and takes them all at once, because two callers that need two each and hold one would wait for
   * each other forever. Returns a function that releases them; calling it twice is harmless.
   * @throws TaskAbortedError if `signal` fires while waiting. InvalidOptionsError for more slots than exist.
   */
  async acquire(slots: number, signal: AbortSignal | undefined, step: string): Promise<() => void> {
    throwIfAborted(signal, step);
    if (slots > this.size) {
      throw new InvalidOptionsError(`${step} needs ${slots} slots, the limit is ${this.size}`);
    }
    if (this.#waiting.length > 0 || this.#taken + slots > this.size) await this.#wait(slots, signal, step);
    else this.#taken += slots;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= slots;
      this.#admit();
    };
  }

  #wait(slots: number, signal: AbortSignal | undefined, step: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        slots,
        admit: () => {
          dispose();
          resolve();
        },
      };
      this.#waiting.push(waiter);
      const dispose = onAbort(signal, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new TaskAbortedError(`Aborted before ${step}`, { cause: signal?.reason }));
        // The aborted request may have been a large one that blocked smaller ones behind it.
        this.#admit();
      });
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.slots <= this.size; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.slots;
      next.admit();
    }
  }
}
