/** Turns SIGINT and SIGTERM into an abort of the run instead of the end of the process. */
import { TaskAbortedError } from '../../base/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Handles SIGINT and SIGTERM until the returned function is called. If a signal fired, the handlers stay: the manager
 * closes because of the same signal, and ends the process unless another handler is installed. One more signal then ends
 * the process.
 */
export function abortOnSignals(abort: (reason: TaskAbortedError) => void): () => void {
  let fired = false;
  let settled = false;
  const handlers = new Map<NodeJS.Signals, () => void>();
  const off = () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  for (const name of SIGNALS) {
    handlers.set(name, () => {
      fired = true;
      if (!settled) return abort(new TaskAbortedError(`Interrupted by ${name}`));
      off();
      if (process.listenerCount(name) === 0) process.kill(process.pid, name);
    });
  }
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    settled = true;
    if (!fired) off();
  };
}
