/** Ctrl+C as an abort: SIGINT and SIGTERM end the run instead of the process. */
import { TaskAbortedError } from '../../base/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Returns what takes the handlers off again. After a signal they stay: the manager, which is closing because of the same
 * signal, leaves the process alone only while somebody else handles it. One more signal then ends the process.
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
