/** Requests to the engine: with a deadline, repeated where that is harmless, and with errors that name the engine. */
import pRetry from 'p-retry';
import { deferred } from '../../base/abort.js';
import { engineError, isTransient } from './engine-error.js';

/** Deadline of a single request in milliseconds. One that takes longer is lost, not slow. */
const CALL_MS = 15_000;

export class EngineCalls {
  readonly #description: string;

  /** @param description the engine's name in errors */
  constructor(description: string) {
    this.#description = description;
  }

  /** Sends a request that may be repeated, because it has no effect or the same effect. */
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

/** One attempt with a deadline. Not `AbortSignal.timeout`: that would fire later, too, and cut an attached pipe. */
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
