/** Names by which a program inside means the sandbox itself, and the one by which it means the machine. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { SANDBOX_HOSTNAME } from '../backends/backend.js';

/** The machine's own ports, from inside. No public DNS has names under `.internal` (ICANN, 2024). */
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

/** Whether a program inside that asks for `host` means the sandbox. */
export function isOwn(host: string): boolean {
  // An IPv6 address that holds an IPv4 one is checked as that one by Node, too.
  if (isIP(host)) return own.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
  return isLoopbackName(host) || host === SANDBOX_HOSTNAME;
}

/** RFC 6761 §6.3. */
const isLoopbackName = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

/** Whether an entry of a list that names `host` means this machine. */
export const isLocal = (host: string): boolean => isLoopbackName(host) || host === HOST_NAME;
