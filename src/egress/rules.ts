/** Grammar of host names, addresses and allow-list entries. All other input is refused. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { InvalidOptionsError } from '../base/errors.js';
import { isLoopback } from './addresses.js';
import { isLocal } from './own-names.js';

/** Requested destination as written: a lower-case name, or an address. */
export interface Target {
  host: string;
  port: number;
}

/** One entry of `network.allow` or `network.deny`. */
export interface Rule {
  /** Text as the caller wrote it. Refusals quote it. */
  text: string;
  /** Port. If undefined: the ports of `network.ports` (allow), or every port (deny). */
  port: number | undefined;
  /** Returns true if an address rule covers `address`. Such addresses are allowed even if they are not global. */
  coversAddress(address: string): boolean;
  coversName(host: string): boolean;
  /** True if the rule names this machine, by name or only by loopback addresses. */
  meansHost: boolean;
}

/** Pattern of RFC 1123 labels. It also allows the underscore, which real names have. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;

/**
 * Parses a host name into lower case. Returns undefined for anything else: a trailing dot, a percent sign, NUL, `@`,
 * non-ASCII characters, and every text that a resolver may read as an address in another spelling (`127.1`,
 * `0x7f000001`, `2130706433`): a last label that begins with a digit is an address or invalid, as in WHATWG's URL
 * standard.
 */
export function parseName(text: string): string | undefined {
  const name = text.toLowerCase();
  const labels = name.split('.');
  if (name.length === 0 || name.length > MAX_NAME || !labels.every((label) => LABEL.test(label))) return undefined;
  return /^[0-9]/.test(labels.at(-1)!) ? undefined : name;
}

/** Parses a name, or an address in its canonical spelling (IPv6 without brackets). */
function parseHost(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const inner = /^\[([0-9a-f:.]+)\]$/i.exec(text)?.[1];
  if (inner !== undefined) return isIPv6(inner) ? inner.toLowerCase() : undefined;
  return parseName(text);
}

const AUTHORITY = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?$/;

/** Parses `host:port` as in a CONNECT line or a Host field. Returns undefined for anything else. */
export function parseAuthority(text: string, defaultPort?: number): Target | undefined {
  const match = AUTHORITY.exec(text);
  const host = match && parseHost(match[1]!);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (!host || port === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

export const formatHost = (host: string): string => (isIPv6(host) ? `[${host}]` : host);
export const formatTarget = ({ host, port }: Target): string => `${formatHost(host)}:${port}`;

/**
 * Parses an entry.
 * @throws InvalidOptionsError naming the entry and the expected form
 */
export function parseRule(text: string, option: string): Rule {
  const fail = (why: string) =>
    new InvalidOptionsError(`create: ${option}: '${text}': ${why}`, {
      hint: "Entries look like 'api.example.com', '*.example.org', 'localhost:8080', '10.0.0.7:5432', '10.0.0.0/8', '[fd00::/8]:443' or '*'.",
    });
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text);
  if (!match) throw fail('expected a host, with a port or without');
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && (port < 1 || port > 65_535)) throw fail('expected a port from 1 to 65535');
  const where = match[1]!;
  const bare = where.startsWith('[') ? where.slice(1, -1) : where;
  const none = () => false;
  const [address = '', prefix, ...rest] = bare.split('/');
  if (isIP(address)) {
    if (isIPv6(address) !== where.startsWith('[')) throw fail('an IPv6 address stands in brackets, nothing else does');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    const bits = family === 'ipv6' ? 128 : 32;
    const length = prefix === undefined ? bits : /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (!(length <= bits) || rest.length > 0) throw fail(`expected a prefix length from 0 to ${bits}`);
    const list = new BlockList();
    list.addSubnet(address, length, family);
    const covers = (host: string) => isIP(host) !== 0 && list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
    const meansHost = isLoopback(address) && length >= (family === 'ipv6' ? bits : 8);
    return { text, port, coversAddress: covers, coversName: none, meansHost };
  }
  if (bare === '*') {
    return { text, port, coversAddress: none, coversName: (host) => isIP(host) === 0, meansHost: false };
  }
  const wildcard = bare.startsWith('*.');
  const name = parseName(wildcard ? bare.slice(2) : bare);
  if (!name) throw fail(/[^\x20-\x7e]/.test(bare) ? 'write international names in their xn-- form' : 'not a host name');
  const suffix = `.${name}`;
  const covers = wildcard ? (host: string) => host.endsWith(suffix) : (host: string) => host === name;
  const coversName = (host: string) => isIP(host) === 0 && covers(host);
  return { text, port, coversAddress: none, coversName, meansHost: isLocal(name) };
}
