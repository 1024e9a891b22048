/**
 * Sends requests to the engine: with a deadline, with retries if those are harmless, and with errors that name the
 * engine.
 */
import pRetry from 'p-retry';
import { deferred } from '../../base/abort.js';
import { engineError, isTransient } from './engine-error.js';

/** Deadline of a single request in milliseconds. A request that takes longer is considered lost. */
const CALL_MS = 15_000;

export class EngineCalls {
  readonly #description: string;

  /**
   * Creates a caller for one engine.
   * @param description name of the engine in errors
   */
  constructor(description: string) {
    this.#description = description;
  }

  /** Sends a request that may be repeated, because it is idempotent. */
  retried<T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    return this.once(what, () =>
      pRetry(() => timed(call), {
        retries: 3,
        minTimeout: 100,
        maxTimeout: 1000,
        shouldRetry: ({ error }) => isTransient(error),
      }),
    );
  }

  async once<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw engineError(error, what, this.#description);
    }
  }
}

/**
 * Runs one attempt with a deadline. `AbortSignal.timeout` is not suitable: it would also fire later, and cut an
 * attached pipe.
 */
export async function timed<T>(attempt: (abortSignal: AbortSignal) => Promise<T>, ms = CALL_MS): Promise<T> {
  const giveUp = new AbortController();
  const late = deferred<never>();
  const timer = setTimeout(() => {
    const error = new DOMException(`no answer within ${ms} ms`, 'TimeoutError');
    late.reject(error);
    giveUp.abort(error);
  }, ms);
  try {
    return await Promise.race([attempt(giveUp.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
