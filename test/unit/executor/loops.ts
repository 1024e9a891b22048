/** Executors without sandboxes: the loop by itself. */

import type { RunEvent } from '../../../src/executor/events.js';
import { IterationExecutor } from '../../../src/executor/iteration-executor.js';
import type { ExecutorOptions } from '../../../src/executor/options.js';
import type { NamedStrategy, VerificationLike } from '../../../src/executor/types.js';
import type { SandboxManager } from '../../../src/sandbox/sandbox-manager.js';

type Options<V extends VerificationLike> = Partial<ExecutorOptions<string, NamedStrategy, unknown, V>>;

/** A run without sandboxes never asks its manager for more than its name. */
export const noManager = { instance: 'none' } as SandboxManager;

export function loop<V extends VerificationLike = VerificationLike>(options: Options<V> = {}) {
  return new IterationExecutor<string, NamedStrategy, unknown, V>(noManager, {
    sandbox: false,
    propose: () => 'proposal',
    verify: () => ({ passed: false, reason: 'wrong' }) as V,
    ...options,
  });
}

/** Collects events, and waits for one. */
export class Events {
  readonly all: RunEvent[] = [];
  readonly #waiting: { accept: (event: RunEvent) => boolean; resolve: () => void }[] = [];

  readonly take = (event: RunEvent): void => {
    this.all.push(event);
    for (const { accept, resolve } of this.#waiting) if (accept(event)) resolve();
  };

  until(accept: (event: RunEvent) => boolean): Promise<void> {
    if (this.all.some(accept)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ accept, resolve }));
  }

  types(): string[] {
    return this.all.map(({ type }) => type);
  }

  of<T extends RunEvent['type']>(type: T): Extract<RunEvent, { type: T }>[] {
    return this.all.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
  }
}
