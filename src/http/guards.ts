/** Checks of every request before its route is looked up, the cheapest first. */
import type { IncomingMessage } from 'node:http';
import { RipcordError } from '../base/errors.js';
import type { Tokens } from './auth.js';

/** A browser sends this as the origin of a page from a sandbox. */
export const OPAQUE_ORIGIN = 'null';
/** Query parameters that usually hold secrets. They are refused because a URL ends up in logs, histories and Referer fields. */
const SECRET_PARAMETER = /[?&](?:[a-z]+[_-])?(?:token|api[_-]?key|authorization|bearer|secret|password)=/i;
/** Header fields that may occur only once, because a proxy in front could read another copy than this server. */
const SINGLE = ['host', 'authorization', 'content-type', 'origin', 'sec-websocket-protocol'];

export class Guards {
  readonly #hosts: ReadonlySet<string>;
  readonly #anyLoopback: boolean;
  readonly #tokens: Tokens;

  /**
   * @param hosts Accepted Host fields, with the port.
   * @param anyLoopback True for a Unix socket, which `ssh -L` can forward from any port of a loopback address.
   */
  constructor(hosts: ReadonlySet<string>, tokens: Tokens, anyLoopback: boolean) {
    this.#hosts = hosts;
    this.#anyLoopback = anyLoopback;
    this.#tokens = tokens;
  }

  /**
   * @param preview True for the address of a preview, whose pages have an opaque origin and any query.
   * @throws RipcordError `malformed`, `host-refused`, `token-in-url`, `origin-refused`
   */
  check(request: IncomingMessage, preview = false): void {
    const { headers, rawHeaders, url = '' } = request;
    if (!url.startsWith('/')) throw new RipcordError('malformed', 'The request target must be a path');
    for (const name of SINGLE) {
      let times = 0;
      for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === name) times++;
      if (times > 1) throw new RipcordError('malformed', `The header ${name} occurs ${times} times`);
    }
    const host = headers.host?.toLowerCase() ?? '';
    // DNS rebinding: a page under another name that resolves to this address sends that name in Host.
    const isOwn = this.#hosts.has(host) || (this.#anyLoopback && isLoopbackHost(withoutPort(host)));
    if (!isOwn) {
      throw new RipcordError('host-refused', 'This server does not accept that Host', {
        hint: 'Use its address as the host (localhost for a Unix socket), or start the server with --host <name>.',
      });
    }
    if ((!preview && SECRET_PARAMETER.test(url)) || this.#tokens.appearsIn(url)) {
      throw new RipcordError('token-in-url', 'A token must not be in a URL', {
        hint: 'Send Authorization: Bearer <token>. Replace a token that was in a URL.',
      });
    }
    this.#checkOrigin(headers, host, preview);
  }

  /** Refuses calls from pages of other origins by fetch, form or WebSocket. Programs do not send an Origin. */
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

/** Returns the Host fields that name this server. */
export function ownHosts(host: string, port: number, names: readonly string[]): Set<string> {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const hosts = new Set([bracketed, ...names]);
  if (isLoopbackHost(host)) hosts.add('localhost');
  const withPort = [...hosts].flatMap((name) => {
    const lower = name.toLowerCase();
    return /:\d+$/.test(lower.replace(/^\[.*\]/, '')) ? [lower] : [`${lower}:${port}`, ...(port === 80 ? [lower] : [])];
  });
  // An explicit name may be that of a reverse proxy at the default port, which is not in the Host field.
  return new Set([...withPort, ...names.map((name) => name.toLowerCase())]);
}

const withoutPort = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
