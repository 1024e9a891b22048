/** The decisions of a proxy: the connections and requests that it allowed or denied, and why. */
import { messageOf } from '../base/errors.js';
import { printableAscii } from '../base/harmless-text.js';
import { Denial, type DenialReason } from './policy.js';
import { formatTarget, type Target } from './rules.js';

/** One decision about a connection or, in plain HTTP, a request. */
export interface EgressRecord {
  at: number;
  verdict: 'allowed' | 'denied';
  /** `connect`: a tunnel, whose content the host does not see. `http`: a request in the clear. */
  kind: 'connect' | 'http';
  /** `host:port` as it was asked for; escaped, because the sandbox wrote it. */
  target: string;
  /** The entry that decided, as written in `network.allow` or `network.deny`. */
  rule: string | undefined;
  /** The address that was dialled. */
  address: string | undefined;
  /** Set for a denial. */
  reason: DenialReason | undefined;
  message: string | undefined;
}

/** A refusal by the sandbox itself. The log lists only connections that lead out. */
export class OwnRefusal extends Denial {}

const LOG_LENGTH = 1000;

export class Decisions {
  /** Receives every decision. */
  observe: (record: EgressRecord) => void = () => {};
  readonly #log: EgressRecord[] = [];

  /** The last 1,000, oldest first. */
  get log(): readonly EgressRecord[] {
    return this.#log;
  }

  allow(kind: EgressRecord['kind'], target: Target, facts: Pick<EgressRecord, 'rule' | 'address'>): void {
    this.#record({
      at: Date.now(),
      verdict: 'allowed',
      kind,
      target: formatTarget(target),
      ...facts,
      reason: undefined,
      message: undefined,
    });
  }

  /** @returns the denial that tells the client about `error` */
  deny(kind: EgressRecord['kind'], asked: string, error: unknown): Denial {
    const denial = error instanceof Denial ? error : new Denial('unreachable', messageOf(error));
    const { reason, rule, message } = denial;
    if (denial instanceof OwnRefusal) return denial;
    this.#record({
      at: Date.now(),
      verdict: 'denied',
      kind,
      target: printableAscii(asked),
      rule,
      address: undefined,
      reason,
      message,
    });
    return denial;
  }

  #record(record: EgressRecord): void {
    this.#log.push(record);
    if (this.#log.length > LOG_LENGTH) this.#log.shift();
    this.observe(record);
  }
}
