/** How much a peer still takes of one channel: given out as it is asked for, given back as it is acknowledged. */
export class CreditWindow {
  #left: number;
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Up to `wanted` bytes, at least one; 0 once nobody takes any more. */
  async take(wanted: number): Promise<number> {
    while (this.#left === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    if (this.#closed) return 0;
    const taken = Math.min(wanted, this.#left);
    this.#left -= taken;
    return taken;
  }

  give(bytes: number): void {
    this.#left += bytes;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
