/**
 * Layer 2: what ends this process ends its sandboxes first. One set of process handlers for all managers, there only
 * while one is open.
 */

import { deferred } from '../base/abort.js';
import { RipcordError } from '../base/errors.js';

interface Disposer {
  /** Ends everything. `hurry`: skip every grace, never the removal. */
  close(hurry: boolean): Promise<unknown>;
}

const open = new Set<Disposer>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** All of a teardown on the way out. Past it the process goes; layers 3 and 4 do the rest. */
const DEADLINE_MS = 20_000;

let ending: Promise<void> | undefined;
/** What ends the process once all is closed; nothing where it ends by itself. */
let leave: (() => void) | undefined;
let hurryUp = deferred<void>();

/** Takes `disposer` into the care of the handlers; returns what takes it out again. */
export function guard(disposer: Disposer): () => void {
  if (open.size === 0) install();
  open.add(disposer);
  return () => {
    if (open.delete(disposer) && open.size === 0) uninstall();
  };
}

const onSignal = (signal: Signal) => end(() => raise(signal));

const onUncaught = (error: unknown) => {
  // With a handler of the application's own, whether to go on is the application's decision.
  if (process.listenerCount('uncaughtException') > 1) return;
  // The reason for the end is printed already, and calls that wait for a sandbox fail because of it.
  if (ending !== undefined && comesOfClosing(error)) return;
  console.error(error);
  end(() => process.exit(1));
};

const CLOSED = ['sandbox-closed', 'manager-closed'];
/** Wrapped more often than this it is news. */
const MAX_CAUSES = 8;

/** Whether it is the error, or wraps the error, of a call that was cut off because everything is being closed. */
function comesOfClosing(error: unknown): boolean {
  let at = error;
  for (let i = 0; i < MAX_CAUSES && at instanceof Error; i++) {
    if (at instanceof RipcordError && CLOSED.includes(at.code)) return true;
    at = at.cause;
  }
  return false;
}

const onBeforeExit = () => {
  // An idle sandbox does not keep the process alive: it gets here when the application has nothing left to do.
  if (open.size > 0 && ending === undefined) end(undefined);
};

/** Closes everything, then leaves. Of several reasons to leave the first counts; all but the first hurry. */
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
  // The process goes on, and what could not be closed in time stays in our care.
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
