/** Sends refusals to clients in the sandbox. */
import type { Duplex } from 'node:stream';
import { printableAscii } from '../base/harmless-text.js';
import type { Denial } from './policy.js';

/** Fatal alert unrecognized_name (RFC 6066 §3). Clients show its name; plain text would be a broken record. */
export const TLS_UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

export function refusal(denial: Denial): string {
  const body = `Ripcord: ${denial.message}\n`;
  return (
    `HTTP/1.1 ${statusOf(denial)} ${phraseOf(denial)}\r\nContent-Type: text/plain\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nX-Ripcord-Denied: ${denial.reason}\r\nConnection: close\r\n\r\n${body}`
  );
}

/** Returns the reason phrase: most clients show only that of a refused CONNECT. */
export const phraseOf = ({ message }: Denial): string => printableAscii(`Ripcord: ${message}`, ' ');

/** Returns the HTTP status. 502 means that the connection was allowed but failed. */
export const statusOf = ({ reason }: Denial): number => {
  if (reason === 'malformed') return 400;
  return reason === 'unresolved' || reason === 'unreachable' ? 502 : 403;
};

/** Time in milliseconds for a refused client to read the reason and close. */
const LAST_WORDS_MS = 2000;

/** Ends a client's connection with a refusal. */
export function sendLastWords(client: Duplex, words: string | Buffer): void {
  client.end(words);
  client.resume();
  setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
}
