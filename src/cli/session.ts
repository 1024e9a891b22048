/** Opens a manager for one command and closes it, also after an error. */
import { onAbort } from '../base/abort.js';
import type { Logger } from '../base/logger.js';
import { describeLeft, isClean, type Receipt } from '../cleanup/receipt.js';
import { SandboxManager } from '../sandbox/sandbox-manager.js';
import type { GlobalOptions } from './context.js';
import { note } from './failure.js';
import type { Interrupt } from './interrupt.js';

interface SessionEnd<T> {
  /** Result of the work; `undefined` if a signal interrupted it. */
  value: T | undefined;
  receipt: Receipt;
}

/**
 * Opens a manager, calls `work` with it, and closes it. An interruption of the work is not an error: `interrupt.exitCode` reports it.
 * @throws errors of opening the manager, and errors of `work` unless an interruption came first
 */
export async function withManager<T>(
  globals: GlobalOptions & { logger?: Logger },
  interrupt: Interrupt,
  work: (manager: SandboxManager) => Promise<T>,
): Promise<SessionEnd<T>> {
  const manager = await openManager(globals, interrupt.signal);
  manager.on('event', (event) => {
    if (event.type === 'sandbox.warning') note(event.message);
  });
  const unhurry = interrupt.onSecond(() => void manager.close());
  let value: T | undefined;
  try {
    value = await work(manager);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    await manager.close();
    unhurry();
  }
  const receipt = await manager.close();
  if (!isClean(receipt)) {
    const found = [describeLeft(receipt), ...receipt.errors].join('; ');
    note(`something may be left: ${found} (ripcord sweep removes it)`);
  }
  return { value, receipt };
}

/** Opens the manager. An interruption aborts only the opening. Later the work ends first, and then the manager is closed. */
async function openManager(
  { docker, logger }: GlobalOptions & { logger?: Logger },
  signal: AbortSignal,
): Promise<SandboxManager> {
  const opening = new AbortController();
  const dispose = onAbort(signal, () => opening.abort(signal.reason));
  try {
    return await SandboxManager.open({
      docker,
      signal: opening.signal,
      handleSignals: false,
      ...(logger && { logger }),
    });
  } finally {
    dispose();
  }
}
