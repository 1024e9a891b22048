/** Data read from the server: the last value, and the error of the last attempt. */
import { type Signal, signal } from '@preact/signals';
import { ApiError } from '../api/http.js';

interface Resource<T> {
  data: Signal<T | undefined>;
  /** Error of the last attempt. `data` keeps the value from before it. */
  error: Signal<ApiError | undefined>;
  /** Time at which `data` was read. */
  at: Signal<number | undefined>;
  /** Reads the data now. During a read at most one further read is queued. */
  load(): Promise<void>;
}

export function resource<T>(read: () => Promise<T>): Resource<T> {
  const data = signal<T | undefined>(undefined);
  const error = signal<ApiError | undefined>(undefined);
  const at = signal<number | undefined>(undefined);
  let running: Promise<void> | undefined;
  let again: Promise<void> | undefined;
  const once = async () => {
    try {
      data.value = await read();
      at.value = Date.now();
      error.value = undefined;
    } catch (cause) {
      error.value = cause instanceof ApiError ? cause : new ApiError(0, 'failed', String(cause));
    }
  };
  const load = (): Promise<void> => {
    if (running !== undefined) {
      again ??= running.then(() => {
        again = undefined;
        return load();
      });
      return again;
    }
    running = once().finally(() => {
      running = undefined;
    });
    return running;
  };
  return { data, error, at, load };
}
