/** One manager a test file, and sandboxes that tests share. */
import { existsSync } from 'node:fs';
import {
  type CreateOptions,
  isClean,
  type ManagerEvent,
  type ManagerOptions,
  type Sandbox,
  SandboxManager,
} from 'ripcord-sandbox';
import { afterAll, beforeAll, expect } from 'vitest';
import { containersOf, ENGINE_SOCKET, until, volumesOf } from './audit.js';
import { makeTempDir, type TempDir } from './fixtures.js';

export interface ManagerUnderTest {
  readonly manager: SandboxManager;
  /** State directory of this manager alone. */
  readonly stateDir: string;
  /** Socket of its engine. */
  readonly socketPath: string;
  /** Everything it has said so far. */
  readonly events: ManagerEvent[];
}

/**
 * A manager for the tests of the file: opened before the first, closed after the last. Its receipt must be clean, and
 * the engine and the disk must agree.
 */
export function useManager(options: ManagerOptions = {}): ManagerUnderTest {
  let manager: SandboxManager;
  let state: TempDir;
  const events: ManagerEvent[] = [];
  const socketPath = typeof options.docker === 'string' ? options.docker.slice('unix://'.length) : ENGINE_SOCKET;
  beforeAll(async () => {
    state = await makeTempDir('state');
    manager = await SandboxManager.open({ stateDir: `${state.path}/root`, ...options }).catch(async (error) => {
      await state.remove();
      throw error;
    });
    manager.on('event', (event) => events.push(event));
  });
  afterAll(async () => {
    if (!manager) return;
    const receipt = await manager.close();
    try {
      expect(receipt.errors).toEqual([]);
      expect(isClean(receipt)).toBe(true);
      expect(await containersOf(manager.instance, socketPath)).toEqual([]);
      expect(await volumesOf(manager.instance, socketPath)).toEqual([]);
      expect(existsSync(`${state.path}/root`)).toBe(false);
    } finally {
      await state.remove();
    }
  });
  return {
    get manager() {
      return manager;
    },
    get stateDir() {
      return `${state.path}/root`;
    },
    socketPath,
    events,
  };
}

/** A sandbox for the tests of the file or `describe`, made before the first. The manager closes it. */
export function useSandbox(
  under: ManagerUnderTest,
  options: CreateOptions | (() => CreateOptions) = {},
): () => Sandbox {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await under.manager.create(typeof options === 'function' ? options() : options);
  });
  return () => sandbox;
}

/** How many processes in the sandbox have `marker`, a number of six digits, in their command line. */
export async function countProcesses(sandbox: Sandbox, marker: string): Promise<number> {
  // The brackets keep the searching shell's own command line from matching.
  const pattern = `${marker.slice(0, -1)}[${marker.slice(-1)}]`;
  const { stdout } = await sandbox.exec(`grep -als '${pattern}' /proc/[0-9]*/cmdline | wc -l`);
  return Number(stdout);
}

/** Waits for processes whose start is not an event. */
export async function untilProcesses(sandbox: Sandbox, marker: string, count: number): Promise<void> {
  await until(async () => (await countProcesses(sandbox, marker)) === count, `${count} processes with ${marker}`);
}

/** Collects output, and tells when a text has come. For `onStdout` and for streams. */
export class Output {
  text = '';
  readonly chunks: string[] = [];
  readonly #waiting = new Set<{ text: string; resolve: () => void }>();

  /** Bound, to be handed over as a callback. */
  readonly take = (chunk: string | Uint8Array): void => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    this.chunks.push(text);
    this.text += text;
    for (const waiter of this.#waiting) {
      if (!this.text.includes(waiter.text)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  };

  seen(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add({ text, resolve }));
  }
}

/** The reason `promise` rejects with. A promise that does not reject is a failure of the test. */
export async function rejection<E = Error & { code: string; hint?: string; details: Record<string, unknown> }>(
  promise: Promise<unknown>,
): Promise<E> {
  const [result] = await Promise.allSettled([promise]);
  if (result!.status === 'rejected') return result!.reason as E;
  throw new Error(`expected a rejection, got ${JSON.stringify(result!.value)?.slice(0, 200)}`);
}

/** Resolves with the first event for which `accept` is true, of those to come. */
export function nextEvent<T extends ManagerEvent['type']>(
  manager: SandboxManager,
  type: T,
  accept: (event: Extract<ManagerEvent, { type: T }>) => boolean = () => true,
): Promise<Extract<ManagerEvent, { type: T }>> {
  return new Promise((resolve) => {
    const listener = (event: ManagerEvent) => {
      if (event.type !== type || !accept(event as Extract<ManagerEvent, { type: T }>)) return;
      manager.off('event', listener);
      resolve(event as Extract<ManagerEvent, { type: T }>);
    };
    manager.on('event', listener);
  });
}
