/**
 * Teardown layer 2: closes all sandboxes before this process ends. One set of process handlers serves all managers. It
 * is installed only while a manager is open.
 */

import { deferred } from '../base/abort.js';
import { RipcordError } from '../base/errors.js';

interface Disposer {
  /** Closes everything. `hurry` skips every grace period, never the removal. */
  close(hurry: boolean): Promise<unknown>;
}

const open = new Set<Disposer>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** Time limit for the whole teardown. After it the process exits; layers 3 and 4 do the rest. */
const DEADLINE_MS = 20_000;

let ending: Promise<void> | undefined;
/** Ends the process once everything is closed. Undefined if the process ends by itself. */
let leave: (() => void) | undefined;
let hurryUp = deferred<void>();

/** Adds `disposer` to the handlers. Returns a function that removes it. */
export function guard(disposer: Disposer): () => void {
  if (open.size === 0) install();
  open.add(disposer);
  return () => {
    if (open.delete(disposer) && open.size === 0) uninstall();
  };
}

const onSignal = (signal: Signal) => end(() => raise(signal));

const onUncaught = (error: unknown) => {
  // If the application has its own handler, it decides whether to continue.
  if (process.listenerCount('uncaughtException') > 1) return;
  // The first error is already printed. Calls that wait for a sandbox fail because of the teardown.
  if (ending !== undefined && isCausedByClosing(error)) return;
  console.error(error);
  end(() => process.exit(1));
};

const CLOSED = ['sandbox-closed', 'manager-closed'];
/** Maximum depth of causes to follow. */
const MAX_CAUSES = 8;

/**
 * Returns true if the error is, or wraps, the error of a call that was interrupted because everything is being closed.
 */
function isCausedByClosing(error: unknown): boolean {
  let at = error;
  for (let i = 0; i < MAX_CAUSES && at instanceof Error; i++) {
    if (at instanceof RipcordError && CLOSED.includes(at.code)) return true;
    at = at.cause;
  }
  return false;
}

const onBeforeExit = () => {
  // Idle sandboxes do not keep the process alive: this event fires when the application has nothing left to do.
  if (open.size > 0 && ending === undefined) end(undefined);
};

/**
 * Closes everything, then ends the process. The first reason to end counts; each further one skips the grace periods.
 */
function end(how: (() => void) | undefined): void {
  leave ??= how;
  if (ending !== undefined) {
    hurryUp.resolve();
    return;
  }
  ending = closeAll().finally(() => {
    const leaveNow = leave;
    ending = undefined;
    leave = undefined;
    leaveNow?.();
  });
}

async function closeAll(): Promise<void> {
  hurryUp = deferred();
  const disposers = [...open];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, DEADLINE_MS);
  });
  void hurryUp.promise.then(() => disposers.map((disposer) => disposer.close(true)));
  await Promise.race([Promise.allSettled(disposers.map((disposer) => disposer.close(false))), late]);
  clearTimeout(timer);
}

/** Ends the process as the signal would have, unless the application handles the signal itself. */
function raise(signal: Signal): void {
  uninstall();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  // The process continues. Sandboxes that could not be closed in time stay registered.
  else if (open.size > 0) install();
}

const signalHandlers = new Map<Signal, () => void>(SIGNALS.map((signal) => [signal, () => onSignal(signal)]));

function install(): void {
  for (const [signal, handler] of signalHandlers) process.on(signal, handler);
  process.on('uncaughtException', onUncaught);
  process.on('beforeExit', onBeforeExit);
}

function uninstall(): void {
  for (const [signal, handler] of signalHandlers) process.off(signal, handler);
  process.off('uncaughtException', onUncaught);
  process.off('beforeExit', onBeforeExit);
}
