/** Describes the connections that `--allow` did not permit. */
import type { EgressRecord } from '../../egress/proxy.js';

const SHOWN = 5;

/** Returns one line for each of the first distinct refusals, and a line with the number of further ones. */
export function describeDenied(log: readonly EgressRecord[] = []): string[] {
  const denied = log.filter(({ verdict }) => verdict === 'denied');
  const messages = [...new Set(denied.map(({ message }) => `blocked: ${message}`))];
  const more = messages.length - SHOWN;
  return [...messages.slice(0, SHOWN), ...(more > 0 ? [`blocked: ${more} more`] : [])];
}
