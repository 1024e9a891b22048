/** Destinations that a sandbox may reach: allowed hosts outside, and its own ports under its own names. */
import type { Duplex } from 'node:stream';
import { messageOf } from '../base/errors.js';
import { OwnRefusal } from './decisions.js';
import type { Dialer } from './dialer.js';
import { HOST_NAME, isOwn } from './own-names.js';
import { Denial, type EgressPolicy } from './policy.js';
import { formatHost, type Target } from './rules.js';

export class Destinations {
  readonly policy: EgressPolicy;
  readonly dialer: Dialer;
  /** Connects to a port of the sandbox itself, for clients that send its own names to the proxy. */
  inside: ((port: number) => Promise<Duplex>) | undefined;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(policy: EgressPolicy, dialer: Dialer, maxBytes: number) {
    this.policy = policy;
    this.dialer = dialer;
    this.#maxBytes = maxBytes;
  }

  /** Number of bytes in both directions, of all connections so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts bytes between sandbox and proxy. Returns false above the limit: the connection is then closed. */
  count(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= this.#maxBytes;
  }

  /**
   * Returns the rule that allows `target`.
   * @throws Denial
   */
  admit(target: Target): { text: string } {
    if (this.#bytes > this.#maxBytes) {
      throw new Denial('byte-limit', `network.maxBytes (${this.#maxBytes}) is used up`);
    }
    return this.policy.admit(target);
  }

  /** Returns true if `host` names the sandbox itself. */
  isInside({ host }: Target): boolean {
    return this.inside !== undefined && isOwn(host);
  }

  /**
   * Connects to a port of the sandbox.
   * @throws OwnRefusal
   */
  async connectInside({ host, port }: Target): Promise<Duplex> {
    try {
      const connection = await this.inside!(port);
      connection.on('error', () => {});
      return connection;
    } catch (error) {
      const hint = `${HOST_NAME}:${port} is the port of the machine outside`;
      throw new OwnRefusal('unreachable', `${formatHost(host)} is the sandbox itself: ${messageOf(error)}; ${hint}`);
    }
  }
}
