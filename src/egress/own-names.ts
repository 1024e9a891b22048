/** Names that a program inside uses for the sandbox itself, and the name of the host. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { SANDBOX_HOSTNAME } from '../backends/backend.js';

/** Name for the host's own ports, from inside. No public DNS has names under `.internal` (ICANN, 2024). */
export const HOST_NAME = 'host.ripcord.internal';

/**
 * Names that programs inside reach without the proxy, in forms that break no client. The list omits `::1`: httpx refuses
 * to start with `[::1]` (0.24.0 also with `::1`), Ruby takes `::1` for every name that ends in `.1`, urllib and undici
 * understand `[::1]` only. The proxy leads requests for it back inside.
 */
export const NO_PROXY = ['localhost', '.localhost', SANDBOX_HOSTNAME, '127.0.0.1', '127.0.0.0/8', '0.0.0.0'].join(',');

const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addAddress('0.0.0.0', 'ipv4');
own.addAddress('::1', 'ipv6');
own.addAddress('::', 'ipv6');

/** Returns true if `host`, requested by a program inside, is the sandbox. */
export function isOwn(host: string): boolean {
  // Node also checks an IPv6 address that embeds an IPv4 one as that IPv4 address.
  if (isIP(host)) return own.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
  return isLoopbackName(host) || host === SANDBOX_HOSTNAME;
}

/** Returns true for the loopback names of RFC 6761 §6.3. */
const isLoopbackName = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

/** Returns true if an entry for `host` in a list is this machine. */
export const isLocal = (host: string): boolean => isLoopbackName(host) || host === HOST_NAME;
