/** `--allow`: what the program tried to reach and was not let to. */
import type { EgressRecord } from '../../egress/proxy.js';

const SHOWN = 5;

/** One line for each different refusal, the first ones; nothing when there was none. */
export function describeDenied(log: readonly EgressRecord[] = []): string[] {
  const denied = log.filter(({ verdict }) => verdict === 'denied');
  const messages = [...new Set(denied.map(({ message }) => `not let out: ${message}`))];
  const more = messages.length - SHOWN;
  return [...messages.slice(0, SHOWN), ...(more > 0 ? [`not let out: ${more} more`] : [])];
}
