/**
 * Decides which destinations a sandbox may reach. Deny overrides allow, the default is deny, and every refusal has a
 * reason.
 */
import { isIP } from 'node:net';
import { isGlobal, isLoopback } from './addresses.js';
import type { ResolvedNetwork } from './options.js';
import { HOST_NAME, isLocal } from './own-names.js';
import { formatTarget, parseRule, type Rule, type Target } from './rules.js';

/** Reason of a refused connection. New values are only appended. */
export type DenialReason =
  | 'malformed'
  | 'not-allowed'
  | 'denied'
  | 'private-address'
  | 'unresolved'
  | 'unreachable'
  | 'tls-name'
  | 'host-mismatch'
  | 'loop'
  | 'byte-limit'
  | 'credentials'
  | 'method';

/** A refusal. Its message is sent to the client in the sandbox. */
export class Denial extends Error {
  readonly reason: DenialReason;
  readonly rule: string | undefined;

  constructor(reason: DenialReason, message: string, rule?: string) {
    super(message);
    this.reason = reason;
    this.rule = rule;
  }
}

export class EgressPolicy {
  readonly #allow: readonly Rule[];
  readonly #deny: readonly Rule[];
  readonly #ports: readonly number[];

  /**
   * Parses the lists.
   * @throws InvalidOptionsError naming the invalid entry
   */
  constructor({ allow, deny, ports }: Pick<ResolvedNetwork, 'allow' | 'deny' | 'ports'>) {
    this.#allow = allow.map((text, index) => parseRule(text, `network.allow.${index}`));
    this.#deny = deny.map((text, index) => parseRule(text, `network.deny.${index}`));
    this.#ports = ports;
  }

  /**
   * Returns the rule that allows `target` by name. `admitAddresses` checks the resolved addresses.
   * @throws Denial
   */
  admit(target: Target): Rule {
    const { host } = target;
    const denying = this.#denials(target.port).find((rule) => covers(rule, host));
    if (denying) {
      throw new Denial('denied', `${formatTarget(target)} is denied by network.deny '${denying.text}'`, denying.text);
    }
    const named = this.#covering(host);
    const rule = named.find((rule) => this.#allowsPort(rule, target.port));
    if (rule) return rule;
    if (named.length > 0) {
      const ports = [...new Set(named.flatMap((entry) => entry.port ?? this.#ports))].join(', ');
      throw new Denial(
        'not-allowed',
        `${formatTarget(target)}: network.allow '${named[0]!.text}' is for port ${ports}`,
        named[0]!.text,
      );
    }
    throw new Denial('not-allowed', `${formatTarget(target)} is not in network.allow (${this.#describe()})`);
  }

  /**
   * Returns those of the resolved addresses that may be used. Private addresses need their own entry in the list, or
   * belong to this machine; an allowed name is not enough.
   * @throws Denial
   */
  admitAddresses(target: Target, addresses: readonly string[]): string[] {
    const open = addresses.filter((address) => this.#admitsAddress(target, address));
    if (open.length > 0) return open;
    throw new Denial(
      'private-address',
      `${formatTarget(target)} is at ${addresses.join(', ') || 'no address'}, which is not public; ` +
        'network.allow lists no such address',
    );
  }

  /** Returns the rules that cover `host`. `*` does not include this machine's own services. */
  #covering(host: string): Rule[] {
    return this.#allow.filter((rule) => covers(rule, host) && !(isLocal(host) && rule.text.startsWith('*')));
  }

  #admitsAddress({ host, port }: Target, address: string): boolean {
    if (isIP(address) === 0) return false;
    if (this.#denials(port).some((rule) => rule.coversAddress(address))) return false;
    if (isLocal(host)) return isLoopback(address);
    return isGlobal(address) || this.#allow.some((rule) => rule.coversAddress(address) && this.#allowsPort(rule, port));
  }

  /** Returns the deny rules for a port. An entry without a port covers every port. */
  #denials(port: number): Rule[] {
    return this.#deny.filter((rule) => (rule.port ?? port) === port);
  }

  #allowsPort(rule: Rule, port: number): boolean {
    return rule.port === undefined ? this.#ports.includes(port) : rule.port === port;
  }

  #describe(): string {
    const shown = this.#allow.slice(0, 10).map(({ text }) => text);
    const more = this.#allow.length - shown.length;
    return `${shown.join(', ') || 'it is empty'}${more > 0 ? ` and ${more} more` : ''}`;
  }
}

/** Returns true if the rule covers `host`. An entry for a port of this machine is matched by the name it has inside. */
const covers = (rule: Rule, host: string): boolean =>
  rule.coversName(host) || rule.coversAddress(host) || (host === HOST_NAME && rule.meansHost);
