/** A manager for the length of one command: opened, used, closed, whatever happens. */
import { onAbort } from '../base/abort.js';
import type { Logger } from '../base/logger.js';
import { describeLeft, isClean, type Receipt } from '../cleanup/receipt.js';
import { SandboxManager } from '../sandbox/sandbox-manager.js';
import type { GlobalOptions } from './context.js';
import { note } from './failure.js';
import type { Interrupt } from './interrupt.js';

interface SessionEnd<T> {
  /** `undefined` when a signal interrupted the work. */
  value: T | undefined;
  receipt: Receipt;
}

/**
 * Opens a manager, hands it to `work`, closes it. An interruption is no error here: `interrupt.exitCode` tells.
 * @throws what opening the manager and `work` throw, unless that is because of the interruption
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

/** The interruption ends the opening only: afterwards the work itself comes to an orderly end, then the manager. */
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
