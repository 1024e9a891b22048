/** Log of a proxy: the connections and requests that it allowed or denied, and the reasons. */
import { messageOf } from '../base/errors.js';
import { printableAscii } from '../base/harmless-text.js';
import { Denial, type DenialReason } from './policy.js';
import { formatTarget, type Target } from './rules.js';

/** Decision about one connection or, in plain HTTP, one request. */
export interface EgressRecord {
  at: number;
  verdict: 'allowed' | 'denied';
  /** Kind of traffic. `connect`: a tunnel, whose content the host does not see. `http`: a plain HTTP request. */
  kind: 'connect' | 'http';
  /** Requested `host:port`, escaped because the sandbox wrote it. */
  target: string;
  /** Entry that decided, as written in `network.allow` or `network.deny`. */
  rule: string | undefined;
  /** Address that the host connected to. */
  address: string | undefined;
  /** Reason, only if `verdict` is `denied`. */
  reason: DenialReason | undefined;
  message: string | undefined;
}

/**
 * A refusal for an address of the sandbox itself. The log omits it, because it lists only connections to the outside.
 */
export class OwnRefusal extends Denial {}

const LOG_LENGTH = 1000;

export class Decisions {
  /** Listener for every decision. */
  observe: (record: EgressRecord) => void = () => {};
  readonly #log: EgressRecord[] = [];

  /** Last 1,000 decisions, oldest first. */
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

  /**
   * Logs a denial.
   * @returns the denial that is sent to the client for `error`
   */
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
