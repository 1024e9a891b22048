/** Flow-control window of one channel: bytes are taken before sending and given back by acknowledgements. */
export class CreditWindow {
  #left: number;
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes up to `wanted` bytes, at least one. Waits for credit. Returns 0 once the window is closed. */
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
