/** Limits the requests and WebSockets that one token may have at once. */
import { RipcordError } from '../base/errors.js';
import type { Principal } from '../http/auth.js';
import type { CallerPolicy } from './options.js';

type Kind = 'requests' | 'sockets';

export class Quotas {
  readonly #limits: Record<Kind, number>;
  readonly #taken = new Map<string, number>();

  constructor({ maxRequests, maxSockets }: CallerPolicy) {
    this.#limits = { requests: maxRequests, sockets: maxSockets };
  }

  /**
   * Takes a slot. Returns a function that releases it.
   * @throws RipcordError `quota`
   */
  take(principal: Principal, kind: Kind): () => void {
    const key = `${kind} ${principal.name}`;
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#limits[kind]) {
      throw new RipcordError('quota', `This token has ${taken} ${kind} open, which is its maximum`);
    }
    this.#taken.set(key, taken + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = this.#taken.get(key)! - 1;
      if (left === 0) this.#taken.delete(key);
      else this.#taken.set(key, left);
    };
  }
}
