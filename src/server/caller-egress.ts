/** Checks the network access of callers' sandboxes: only names that the operator listed, and never the server itself. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { z } from 'zod';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { HOST_NAME, isLocal } from '../egress/own-names.js';
import { checkPackageEntry, isPackageEntry, resolvePackages } from '../egress/packages.js';
import { formatHost, parseRule } from '../egress/rules.js';
import type { callerNetworkSchema } from '../wire/sandboxes.js';

type CallerNetwork = z.output<typeof callerNetworkSchema>;

/** Ports of an operator's entry that names no port. */
const DEFAULT_PORTS = [80, 443];

interface Entry {
  text: string;
  /** `example.com`, `*.example.com` or `*`. */
  name: string;
  ports: readonly number[];
}

/** @throws InvalidOptionsError for an entry that is a local name, an address, or not a valid name */
export function parseAllowEgress(entries: readonly string[], option: string): Entry[] {
  return entries.map((text) => toEntry(text, DEFAULT_PORTS, option));
}

/** @throws RipcordError `forbidden` naming the first entry that no entry of the operator covers */
export function checkEgress(network: CallerNetwork, allowed: readonly string[]): void {
  const given = parseAllowEgress(allowed, 'allowEgress');
  for (const text of network.allow) {
    const asked = toEntry(text, network.ports, 'network.allow');
    if (
      asked.ports.every((port) => given.some((entry) => entry.ports.includes(port) && covers(entry.name, asked.name)))
    ) {
      continue;
    }
    throw new RipcordError('forbidden', `network.allow: callers of this server may not reach '${text}'`, {
      hint: 'The operator can allow more hosts: ripcord serve --allow-egress HOST',
      details: { allowed },
    });
  }
}

/**
 * Checks that no package registry in a list is a port of this machine, because callers must never reach its ports.
 * @throws RipcordError `forbidden`
 */
export async function checkPackages(allow: readonly string[]): Promise<void> {
  const words = allow.filter(isPackageEntry);
  const { allow: hosts } = await resolvePackages(words);
  if (!hosts.some((host) => parseRule(host, 'network.allow').meansHost)) return;
  throw new RipcordError('forbidden', `network.allow: ${words.join(', ')} is a registry on the server's own machine`);
}

function toEntry(text: string, ports: readonly number[], option: string): Entry {
  if (isPackageEntry(text)) {
    checkPackageEntry(text, option);
    return { text, name: text, ports: [0] };
  }
  const { port } = parseRule(text, option);
  const name = text.toLowerCase().replace(/:\d+$/, '');
  const bare = name.replace(/^\*\./, '');
  // The egress proxy refuses names that resolve to a private address when it connects.
  if (name.startsWith('[') || isIP(bare.split('/')[0]!) !== 0 || isLocal(bare)) {
    throw new InvalidOptionsError(
      `${option}: '${text}': names only; private addresses cannot be reached through a server`,
    );
  }
  return { text, name, ports: port === undefined ? ports : [port] };
}

/** Returns true if `given` covers all names that `asked` covers. */
function covers(given: string, asked: string): boolean {
  if (given === asked) return true;
  // Only its own word covers a package registry.
  if (isPackageEntry(asked)) return false;
  if (given === '*') return true;
  return given.startsWith('*.') && asked.endsWith(given.slice(1));
}

/** Returns entries for `network.deny`: every address and name that leads to this server. They take precedence over `allow`. */
export function ownTargets(port: number, hosts: Iterable<string>): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const names = [...hosts]
    .map((host) => host.replace(/:\d+$/, ''))
    .filter((host) => !host.startsWith('[') && isIP(host) === 0);
  return [
    `127.0.0.0/8:${port}`,
    `0.0.0.0:${port}`,
    `[::]:${port}`,
    `[::1]:${port}`,
    `[::ffff:0:0/96]:${port}`,
    `localhost:${port}`,
    `${HOST_NAME}:${port}`,
    `*.localhost:${port}`,
    ...addresses.map(({ address }) => `${formatHost(address.replace(/%.*$/, ''))}:${port}`),
    ...new Set(names.map((name) => `${name}:${port}`)),
  ];
}
