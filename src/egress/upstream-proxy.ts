/** Determines the upstream proxy of this machine, from an option or the environment. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import { InvalidOptionsError } from '../base/errors.js';
import { printableAscii } from '../base/harmless-text.js';
import { Denial } from './policy.js';
import { formatHost, formatTarget, type Target } from './rules.js';

export interface UpstreamProxy {
  /** Address of the proxy. */
  target: Target;
  tls: boolean;
  /** Value of the Proxy-Authorization field. */
  authorization: string | undefined;
}

/** Returns the proxy for a request to `target`. `scheme` is the scheme of the requested URL. */
export type ChooseUpstream = (target: Target, scheme: 'http' | 'https') => UpstreamProxy | undefined;

/**
 * Parses the option.
 * @throws InvalidOptionsError, which does not repeat the URL because it may hold a password
 */
export function upstreamChoice(option: string | undefined, env: NodeJS.ProcessEnv = process.env): ChooseUpstream {
  if (option === undefined) return () => undefined;
  if (option !== 'env') {
    const proxy = parseProxy(option, 'network.upstreamProxy');
    return () => proxy;
  }
  const find = (name: string) => env[name.toLowerCase()] || env[name];
  const of = (name: string) => {
    const url = find(name) || find('ALL_PROXY');
    // Without a scheme it is http, as in curl.
    return url ? parseProxy(url.includes('://') ? url : `http://${url}`, name) : undefined;
  };
  // Upper-case HTTP_PROXY is unsafe only in CGI programs, where it may come from a request field (CVE-2016-5385). This
  // is not one.
  const proxies = { http: of('HTTP_PROXY'), https: of('HTTPS_PROXY') };
  const isDirect = parseNoProxy(find('NO_PROXY') ?? '');
  return (target, scheme) => (isDirect(target) ? undefined : proxies[scheme]);
}

function parseProxy(text: string, where: string): UpstreamProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const tls = url?.protocol === 'https:';
  if (!url?.hostname || (!tls && url.protocol !== 'http:')) {
    throw new InvalidOptionsError(`create: ${where}: expected 'env' or the http:// or https:// URL of a proxy`);
  }
  const credentials = [url.username, url.password].map(decodeURIComponent).join(':');
  return {
    target: { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || (tls ? 443 : 80)) },
    tls,
    authorization: credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

/**
 * Parses NO_PROXY as curl and Go do: names including subdomains, addresses, networks, `*`; each with or without a port.
 */
function parseNoProxy(text: string): (target: Target) => boolean {
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(toEntry);
  return (target) => entries.some((matches) => matches(target));
}

function toEntry(text: string): (target: Target) => boolean {
  const [, where, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [undefined, text, undefined];
  const bare = where!.replace(/^\[(.*)\]$/, '$1');
  const forPort = (target: Target) => port === undefined || Number(port) === target.port;
  if (bare === '*') return forPort;
  const [address = '', prefix] = bare.split('/');
  if (isIP(address)) {
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const bits = prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix);
    const list = new BlockList();
    if (bits >= 0 && bits <= (family === 'ipv4' ? 32 : 128)) list.addSubnet(address, bits, family);
    return (target) =>
      isIP(target.host) !== 0 && list.check(target.host, isIPv4(target.host) ? 'ipv4' : 'ipv6') && forPort(target);
  }
  const name = bare.replace(/^\*?\./, '');
  return (target) => (target.host === name || target.host.endsWith(`.${name}`)) && forPort(target);
}

/**
 * Requests a tunnel from the proxy at the other end of `connection`.
 * @throws Denial with the proxy's answer
 */
export async function throughUpstream(
  connection: Duplex,
  { authorization }: UpstreamProxy,
  target: Target,
  signal: AbortSignal,
): Promise<Duplex> {
  const host = formatTarget(target);
  const asking = httpRequest({
    method: 'CONNECT',
    path: host,
    headers: { host, ...(authorization !== undefined && { 'proxy-authorization': authorization }) },
    createConnection: () => connection,
  });
  asking.end();
  const [answer, tunnel, first] = (await once(asking, 'connect', { signal }).catch((error) => {
    asking.on('error', () => {}).destroy();
    throw error;
  })) as [IncomingMessage, Duplex, Buffer];
  asking.on('error', () => {});
  if (answer.statusCode! < 200 || answer.statusCode! > 299) {
    tunnel.destroy();
    const said = printableAscii(`${answer.statusCode} ${answer.statusMessage}`, ' ');
    throw new Denial('unreachable', `${host}: the proxy of this machine answers '${said}'`);
  }
  if (first.length > 0) tunnel.unshift(first);
  return tunnel;
}

export const describeUpstream = ({ target }: UpstreamProxy): string =>
  `${formatHost(target.host)}:${target.port}, the proxy of this machine,`;
