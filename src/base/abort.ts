import { setMaxListeners } from 'node:events';
import { TaskAbortedError } from './errors.js';

/**
 * Checks the signal before a step that has an effect.
 * @throws TaskAbortedError that names `step`, which has not begun
 */
export function throwIfAborted(signal: AbortSignal | undefined, step: string): void {
  if (signal?.aborted) throw new TaskAbortedError(`Aborted before ${step}`, { cause: signal.reason });
}

/**
 * Calls `listener` once when `signal` fires, or at once if it has already fired. Returns a function that removes the
 * listener.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    listener();
    return () => {};
  }
  // Any number of calls may share a signal, and each removes its listener, so Node's warning of a listener leak would
  // be wrong.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** Returns a signal that fires as soon as one of the two does; undefined if there is neither. */
export function joinSignals(given: AbortSignal | undefined, own: AbortSignal | undefined): AbortSignal | undefined {
  if (!given || !own || given === own) return given ?? own;
  return AbortSignal.any([given, own]);
}

/** Waits for `promise`. Rejects with a {@link TaskAbortedError} as soon as `signal` fires. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, step: string): Promise<T> {
  if (!signal) return promise;
  const aborted = deferred<never>();
  const dispose = onAbort(signal, () =>
    aborted.reject(new TaskAbortedError(`Aborted during ${step}`, { cause: signal.reason })),
  );
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    dispose();
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/**
 * Returns a promise with its resolvers, like `Promise.withResolvers` of Node 22. A rejection that no caller handles is
 * not reported.
 */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** Resolves to `promise`'s value, or to `undefined` after `ms`.  */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
