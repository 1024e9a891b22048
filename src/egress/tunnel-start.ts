/** Detects the protocol of a tunnel from its first bytes, before any of them is forwarded. */
import { METHODS } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { printableAscii } from '../base/harmless-text.js';
import { looksLikeTls, readClientHello } from './client-hello.js';
import { Denial } from './policy.js';
import { formatTarget, type Target } from './rules.js';

const HELLO_MS = 10_000;
/**
 * Beginnings of an HTTP request. `PRI` is the preface of HTTP/2 (RFC 9113 §3.4), which names its host in every request
 * as well.
 */
const REQUEST_STARTS = [...METHODS, 'PRI'].map((method) => `${method} `);

interface TunnelStart {
  kind: 'tls' | 'http' | 'other';
  /** All bytes read so far. */
  bytes: Buffer;
}

/**
 * Reads the first bytes of a tunnel. Port 443 accepts a TLS ClientHello with the requested name, port 80 that or HTTP.
 * On other ports the first bytes decide.
 * @param serverSpoke true if the server sent bytes first, which HTTP servers never do
 * @throws Denial
 */
export async function tunnelStart(
  target: Target,
  client: Duplex,
  head: Buffer,
  serverSpoke: boolean,
): Promise<TunnelStart> {
  const strict = target.port === 443;
  const timer = setTimeout(() => {
    if (strict) client.destroy(new Denial('tls-name', `no TLS greeting for ${target.host} within ${HELLO_MS} ms`));
  }, HELLO_MS);
  try {
    // This loop is bounded: incomplete input is shorter than one TLS record or the name of a method.
    for (let bytes = head; ; bytes = Buffer.concat([bytes, await nextChunk(client)])) {
      if (bytes.length > 0 && !strict && !looksLikeTls(bytes)) {
        const http = serverSpoke ? false : target.port === 80 || looksLikeHttp(bytes);
        if (http !== undefined) return { kind: http ? 'http' : 'other', bytes };
        if (client.readableEnded) return { kind: 'other', bytes };
        continue;
      }
      const hello = readClientHello(bytes);
      if (hello.kind === 'not-tls') {
        throw new Denial('tls-name', `${formatTarget(target)} takes TLS only, and this is none: ${hello.why}`);
      }
      if (hello.kind === 'hello') {
        checkServerName(target, hello.serverName, hello.encrypted);
        return { kind: 'tls', bytes };
      }
      if (client.readableEnded) {
        if (!strict && bytes.length === 0) return { kind: 'other', bytes };
        throw new Denial('tls-name', `${formatTarget(target)}: the connection ended before its TLS greeting did`);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Returns undefined if more bytes are needed. Servers ignore empty lines before a request (RFC 9112 §2.2). */
function looksLikeHttp(bytes: Buffer): boolean | undefined {
  const text = bytes.toString('latin1', 0, 256).replace(/^[\r\n]+/, '');
  if (REQUEST_STARTS.some((start) => text.startsWith(start))) return true;
  return REQUEST_STARTS.some((start) => start.startsWith(text)) && bytes.length < 256 ? undefined : false;
}

/** Waits for the first bytes or the end of either side. Returns true if the server sent them. */
export async function serverSpeaksFirst(client: Duplex, upstream: Duplex): Promise<boolean> {
  const silent = ({ readableLength, readableEnded, destroyed }: Duplex) =>
    readableLength === 0 && !readableEnded && !destroyed;
  await new Promise<void>((resolve) => {
    const settle = () => {
      // Start reading: without a read, a side that ended without a byte does not emit its end.
      for (const side of [client, upstream]) side.read(0);
      if (silent(client) && silent(upstream)) return;
      for (const side of [client, upstream]) side.off('readable', settle).off('end', settle).off('close', settle);
      resolve();
    };
    for (const side of [client, upstream]) side.on('readable', settle).on('end', settle).on('close', settle);
  });
  return silent(client);
}

function checkServerName({ host }: Target, serverName: string | undefined, encrypted: boolean): void {
  if (encrypted) throw new Denial('tls-name', `${host}: encrypted ClientHello hides which server is meant`);
  // TLS clients send no name for an address (RFC 6066 §3).
  const expected = isIP(host) ? undefined : host;
  if (serverName?.toLowerCase() === expected) return;
  const sent = serverName === undefined ? 'no server name' : `the server name '${printableAscii(serverName)}'`;
  throw new Denial('tls-name', `${host}: the TLS greeting has ${sent}`);
}

/** Reads the next chunk; empty at the end. */
async function nextChunk(client: Duplex): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = client.read();
    if (chunk !== null) return chunk;
    if (client.destroyed) throw client.errored ?? new Error('the connection has ended');
    if (client.readableEnded) return Buffer.alloc(0);
    await new Promise<void>((resolve) => {
      const settle = () => {
        client.off('readable', settle).off('end', settle).off('close', settle);
        resolve();
      };
      client.on('readable', settle).on('end', settle).on('close', settle);
    });
  }
}
