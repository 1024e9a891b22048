/** Checks of every request before its route is looked up, the cheapest first. */
import type { IncomingMessage } from 'node:http';
import { RipcordError } from '../base/errors.js';
import type { Tokens } from './auth.js';

/** A browser sends this as the origin of a page from a sandbox. */
export const OPAQUE_ORIGIN = 'null';
/** Names of query parameters in which people put secrets; a URL ends up in logs, histories and Referer fields. */
const SECRET_PARAMETER = /[?&](?:[a-z]+[_-])?(?:token|api[_-]?key|authorization|bearer|secret|password)=/i;
/** A second one would be read differently by whatever stands in front. */
const SINGLE = ['host', 'authorization', 'content-type', 'origin', 'sec-websocket-protocol'];

export class Guards {
  readonly #hosts: ReadonlySet<string>;
  readonly #anyLoopback: boolean;
  readonly #tokens: Tokens;

  /**
   * @param hosts as in the Host field, with the port
   * @param anyLoopback a Unix socket: `ssh -L` and the like lead to it from any port of a loopback address
   */
  constructor(hosts: ReadonlySet<string>, tokens: Tokens, anyLoopback: boolean) {
    this.#hosts = hosts;
    this.#anyLoopback = anyLoopback;
    this.#tokens = tokens;
  }

  /**
   * @param preview for an address that is a secret: its own pages have an opaque origin, and queries of their own
   * @throws RipcordError `malformed`, `host-refused`, `token-in-url`, `origin-refused`
   */
  check(request: IncomingMessage, preview = false): void {
    const { headers, rawHeaders, url = '' } = request;
    if (!url.startsWith('/')) throw new RipcordError('malformed', 'The request target must be a path');
    for (const name of SINGLE) {
      let times = 0;
      for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === name) times++;
      if (times > 1) throw new RipcordError('malformed', `The header ${name} comes ${times} times`);
    }
    const host = headers.host?.toLowerCase() ?? '';
    // A page of another name that resolves to this address sends its own name here (DNS rebinding).
    const isOwn = this.#hosts.has(host) || (this.#anyLoopback && isLoopbackHost(withoutPort(host)));
    if (!isOwn) {
      throw new RipcordError('host-refused', 'This server does not answer to that Host', {
        hint: 'Call it by its address, a Unix socket as localhost, or start it with --host <name>.',
      });
    }
    if ((!preview && SECRET_PARAMETER.test(url)) || this.#tokens.appearsIn(url)) {
      throw new RipcordError('token-in-url', 'A token does not belong into a URL', {
        hint: 'Send Authorization: Bearer <token>. A token that stood in a URL should be replaced.',
      });
    }
    this.#checkOrigin(headers, host, preview);
  }

  /** Pages of other origins may not call, by fetch, form or WebSocket; programs send no Origin. */
  #checkOrigin(headers: IncomingMessage['headers'], host: string, preview: boolean): void {
    const { origin } = headers;
    if (preview && (origin === undefined || origin === OPAQUE_ORIGIN)) return;
    const site = headers['sec-fetch-site'];
    const foreign =
      (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) ||
      ((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate');
    if (foreign) throw new RipcordError('origin-refused', 'Pages of another origin may not call this server');
  }
}

/** The Host fields that mean this server. */
export function ownHosts(host: string, port: number, names: readonly string[]): Set<string> {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const hosts = new Set([bracketed, ...names]);
  if (isLoopbackHost(host)) hosts.add('localhost');
  const withPort = [...hosts].flatMap((name) => {
    const lower = name.toLowerCase();
    return /:\d+$/.test(lower.replace(/^\[.*\]/, '')) ? [lower] : [`${lower}:${port}`, ...(port === 80 ? [lower] : [])];
  });
  // A name that was given explicitly may be that of a reverse proxy at the default port.
  return new Set([...withPort, ...names.map((name) => name.toLowerCase())]);
}

const withoutPort = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
