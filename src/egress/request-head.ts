/** Parses the head of a plain HTTP request, and creates the head that is forwarded. */
import type { IncomingMessage } from 'node:http';
import { printableAscii } from '../base/harmless-text.js';
import { isFramed, unknownCoding } from './framing.js';
import { HOP_BY_HOP } from './hop-by-hop.js';
import { notAnAuthority } from './not-an-authority.js';
import { Denial } from './policy.js';
import { formatHost, formatTarget, parseAuthority, type Target } from './rules.js';

/** Name of this proxy in Via (RFC 9110 §7.6.3). A request that already has it is in a loop. */
export const VIA = '1.1 ripcord';

/**
 * Checks rules that apply to every request.
 * @throws Denial
 */
export function checkRequest(request: IncomingMessage): void {
  if (request.httpVersionMajor !== 1) throw new Denial('malformed', 'the proxy speaks HTTP/1.0 and HTTP/1.1');
  if (request.method === 'TRACE') {
    throw new Denial('method', 'TRACE is not passed on: its answer repeats all that was added to the request');
  }
  const coding = unknownCoding(request.headers);
  if (coding !== undefined) {
    throw new Denial('malformed', `Transfer-Encoding '${printableAscii(coding)}' is not passed on, only 'chunked' is`);
  }
}

/**
 * Returns the target of a request. In a tunnel the target is known, and the request line has only a path (RFC 9112
 * §3.2).
 * @throws Denial `malformed`, `host-mismatch`
 */
export function parseTarget(url: string, tunnel: Target | undefined): { target: Target; path: string } {
  if (tunnel && (url.startsWith('/') || url === '*')) return { target: tunnel, path: url };
  const match = /^http:\/\/([^/?#]*)(\/[^#]*|\?[^#]*)?$/i.exec(url);
  if (!match) throw new Denial('malformed', `'${printableAscii(url)}' is not an http:// URL; TLS goes through CONNECT`);
  const target = parseAuthority(match[1]!, 80);
  if (!target) throw new Denial('malformed', notAnAuthority(match[1]!, 'a host, or a host with a port'));
  if (tunnel && (tunnel.host !== target.host || tunnel.port !== target.port)) {
    throw new Denial(
      'host-mismatch',
      `the tunnel is to ${formatTarget(tunnel)}, its request to ${formatTarget(target)}`,
    );
  }
  const rest = match[2] ?? '/';
  return { target, path: rest.startsWith('?') ? `/${rest}` : rest };
}

/**
 * Checks that there is one Host field and that it names the target (RFC 9112 §3.2.2).
 * @throws Denial `host-mismatch`
 */
export function checkHost(request: IncomingMessage, target: Target, defaultPort: number): void {
  const fields = request.rawHeaders.filter((_, at) => at % 2 === 0 && /^host$/i.test(request.rawHeaders[at]!));
  const written = request.headers.host;
  // HTTP/1.0 allows requests without a Host field. Node refuses them in HTTP/1.1.
  if (fields.length === 0 || written === undefined) return;
  const host = parseAuthority(written, defaultPort);
  if (fields.length === 1 && host?.host === target.host && host.port === target.port) return;
  const shown = fields.length > 1 ? `is there ${fields.length} times` : `says '${printableAscii(written)}'`;
  throw new Denial('host-mismatch', `the request is for ${formatTarget(target)}, its Host field ${shown}`);
}

/** Returns the fields that are forwarded, as `[name, value, name, value …]`. */
export function passedOn(raw: readonly string[], also: readonly string[]): string[] {
  const dropped = new Set([...HOP_BY_HOP, ...also.map((name) => name.toLowerCase())]);
  const pairs = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]!] as const] : []));
  for (const [name, value] of pairs) {
    if (name.toLowerCase() === 'connection')
      for (const named of value.split(',')) dropped.add(named.trim().toLowerCase());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}

/** Returns the field that frames the body, if the forwarded fields lack one. Without a body it is a length of 0. */
export function framing({ method, headers }: IncomingMessage, passed: readonly string[]): string[] {
  if (!isFramed(headers)) return ['POST', 'PUT', 'PATCH'].includes(method!) ? ['Content-Length', '0'] : [];
  const hasLength = passed.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length');
  return hasLength ? [] : ['Transfer-Encoding', 'chunked'];
}

/** Returns the Host field for a request to `target`. */
export const hostField = (target: Target, defaultPort: number): string =>
  target.port === defaultPort ? formatHost(target.host) : formatTarget(target);

export const isWebSocket = ({ headers }: IncomingMessage): boolean => /^websocket$/i.test(headers.upgrade ?? '');
