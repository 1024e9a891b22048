/** How a client in the sandbox is told that it was refused. */
import type { Duplex } from 'node:stream';
import { printableAscii } from '../base/harmless-text.js';
import type { Denial } from './policy.js';

/** A fatal alert unrecognized_name (RFC 6066 §3): clients show it by name, where text would be a broken record. */
export const TLS_UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

export function refusal(denial: Denial): string {
  const body = `Ripcord: ${denial.message}\n`;
  return (
    `HTTP/1.1 ${statusOf(denial)} ${phraseOf(denial)}\r\nContent-Type: text/plain\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nX-Ripcord-Denied: ${denial.reason}\r\nConnection: close\r\n\r\n${body}`
  );
}

/** The reason phrase: most clients show nothing else of a refused CONNECT. */
export const phraseOf = ({ message }: Denial): string => printableAscii(`Ripcord: ${message}`, ' ');

/** 502: it was allowed, and could not be done. */
export const statusOf = ({ reason }: Denial): number => {
  if (reason === 'malformed') return 400;
  return reason === 'unresolved' || reason === 'unreachable' ? 502 : 403;
};

/** Time for a refused client to read why, and to go. */
const LAST_WORDS_MS = 2000;

/** Ends a client's connection with a refusal. */
export function sendLastWords(client: Duplex, words: string | Buffer): void {
  client.end(words);
  client.resume();
  setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
}
