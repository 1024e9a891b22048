/** Whose each sandbox is. The manager's events come while the call that caused them is still on the stack. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Principal } from '../http/auth.js';
import type { ManagerEvent } from '../sandbox/events.js';

interface Owner {
  principal: Principal;
  /** The task it was made for. */
  task?: string;
}

export class Ownership {
  readonly #storage = new AsyncLocalStorage<Owner>();
  readonly #owners = new Map<string, Owner>();

  /** What `work` makes, also later and further down, is the owner's. */
  run<T>(owner: Owner, work: () => T): T {
    return this.#storage.run(owner, work);
  }

  /** To be called with each event of the manager, before anybody else sees it. */
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

  /** What nobody of the callers made is the operator's to see. */
  mayUse(principal: Principal, sandbox: string): boolean {
    return principal.operator || this.#owners.get(sandbox)?.principal.name === principal.name;
  }

  /** Whether `principal` asked for it itself, rather than one of its tasks. */
  asked(principal: Principal, sandbox: string): boolean {
    const owner = this.#owners.get(sandbox);
    return owner?.principal.name === principal.name && owner.task === undefined;
  }
}
