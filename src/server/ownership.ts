/** Records the owner of each sandbox. The manager emits its events synchronously, within the call that caused them. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Principal } from '../http/auth.js';
import type { ManagerEvent } from '../sandbox/events.js';

interface Owner {
  principal: Principal;
  /** Id of the task that the sandbox was created for. */
  task?: string;
}

export class Ownership {
  readonly #storage = new AsyncLocalStorage<Owner>();
  readonly #owners = new Map<string, Owner>();

  /** Runs `work`. Sandboxes that it creates, also asynchronously, belong to the owner. */
  run<T>(owner: Owner, work: () => T): T {
    return this.#storage.run(owner, work);
  }

  /** Records the owner of a new sandbox. The server calls it with each event of the manager, before other listeners. */
  follow(event: ManagerEvent): void {
    if (event.type !== 'sandbox.creating') return;
    const owner = this.#storage.getStore();
    if (owner) this.#owners.set(event.sandbox, owner);
  }

  forget(sandbox: string): void {
    this.#owners.delete(sandbox);
  }

  of(sandbox: string): Owner | undefined {
    return this.#owners.get(sandbox);
  }

  /** Returns true if `principal` may use the sandbox. The operator may use all, including those that no caller created. */
  mayUse(principal: Principal, sandbox: string): boolean {
    return principal.operator || this.#owners.get(sandbox)?.principal.name === principal.name;
  }

  /** Returns true if `principal` created the sandbox by a request, not through one of its tasks. */
  asked(principal: Principal, sandbox: string): boolean {
    const owner = this.#owners.get(sandbox);
    return owner?.principal.name === principal.name && owner.task === undefined;
  }
}
