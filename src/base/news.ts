/** Readers that wait until there is more to read. */
export class News {
  readonly #wakes = new Set<() => void>();

  /** Resolves at the next `tell()`, or when `signal` fires. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  tell(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
