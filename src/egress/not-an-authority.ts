import { printableAscii } from '../base/harmless-text.js';

/** Returns why `text` is not `host:port`, without the part that may be a password. */
export function notAnAuthority(text: string, expected: string): string {
  const host = text.slice(text.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  const shown = `'${printableAscii(host)}'`;
  if (text.includes('@')) return `${shown} has a user before it: send credentials in a header field`;
  if (/^[^.].*\.$/.test(host)) return `${shown} ends in a dot: write the name without it`;
  if (/^(.*\.)?[0-9][^.]*$/.test(host)) return `${shown} is a short form of an address: write all four of its numbers`;
  return `'${printableAscii(text)}' is not ${expected}`;
}
