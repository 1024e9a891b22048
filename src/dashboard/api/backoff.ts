/** Retry delays with exponential backoff. A wait ends early if the browser reports that the network is back. */
const FIRST_MS = 500;
const LONGEST_MS = 15_000;

export class Backoff {
  #attempt = 0;

  succeeded(): void {
    this.#attempt = 0;
  }

  /** Returns the next delay: doubled each time, with jitter so that not all tabs retry at once. */
  nextMs(): number {
    const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt++);
    return ms * (0.75 + Math.random() / 4);
  }
}

/** Resolves after the time, when `wake` fires, or when the browser comes online. Rejects on abort. */
export function pause(ms: number, signal: AbortSignal, wake?: EventTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      removeEventListener('online', go);
      wake?.removeEventListener('wake', go);
      signal.removeEventListener('abort', stop);
      act();
    };
    const go = () => settle(resolve);
    const stop = () => settle(() => reject(signal.reason));
    const timer = setTimeout(go, ms);
    addEventListener('online', go);
    wake?.addEventListener('wake', go);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
}
