/** Which header fields pass between a caller and a server inside a sandbox. What is served there is hostile. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { HOP_BY_HOP } from '../../egress/hop-by-hop.js';
import { isOwn } from '../../egress/own-names.js';

/** The caller's secrets, and what only means something between the caller and this server. */
const NOT_IN = [
  'authorization',
  'cookie',
  'cookie2',
  'host',
  'origin',
  'referer',
  'forwarded',
  'via',
  'ripcord-request',
];
const NOT_IN_PREFIXES = ['x-forwarded-', 'sec-fetch-'];
/** What would give a page power over this origin, or over the browser beyond one response. */
const NOT_OUT = [
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
  'strict-transport-security',
  'public-key-pins',
  'alt-svc',
  'service-worker-allowed',
  'sourcemap',
  'x-sourcemap',
  'report-to',
  'reporting-endpoints',
  'nel',
  'refresh',
  'content-security-policy',
  'content-security-policy-report-only',
  'x-frame-options',
  'x-content-type-options',
  'cross-origin-opener-policy',
  'cross-origin-embedder-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'origin-trial',
  'document-policy',
  'speculation-rules',
  'www-authenticate',
];
const NOT_OUT_PREFIXES = ['access-control-'];

/** A page from a sandbox has an origin of its own that nobody else has: no storage, no cookies, no way to this API. */
export const UNTRUSTED = {
  'content-security-policy': "sandbox allow-scripts allow-forms; frame-ancestors 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The fields for the server inside, which is told that it is `localhost`. */
export function inwards(headers: IncomingHttpHeaders, port: number): OutgoingHttpHeaders {
  const kept = without(headers, NOT_IN, NOT_IN_PREFIXES);
  delete kept['sec-websocket-protocol'];
  const protocols = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'ripcord' && !name.startsWith('bearer.'));
  if (protocols.length > 0) kept['sec-websocket-protocol'] = protocols.join(', ');
  return { ...kept, host: `localhost:${port}` };
}

/** The address of an answer, as the caller sees it. */
export interface Place {
  /** Path and query, as the server inside got them. */
  target: string;
  /** The path here, in front of the target. */
  prefix: string;
  /** The caller's Host field. */
  host: string | undefined;
}

/** The fields for the caller. A redirect within the server inside stays below the prefix. */
export function outwards(headers: IncomingHttpHeaders, place: Place): OutgoingHttpHeaders {
  const kept = without(headers, NOT_OUT, NOT_OUT_PREFIXES);
  const { location } = headers;
  if (location !== undefined) kept.location = relocated(location, place);
  return { ...kept, ...UNTRUSTED };
}

/** A redirect that climbs out, or that names this machine, would let one sandbox send a browser to another one's ports. */
function relocated(location: string, { target, prefix, host }: Place): string {
  const base = `http://localhost${target}`;
  if (!URL.canParse(location, base)) return prefix;
  const url = new URL(location, base);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  const isHere = isOwn(url.hostname.replace(/^\[(.*)\]$/, '$1')) || url.host === host?.toLowerCase();
  return isWeb && isHere ? `${prefix}${url.pathname}${url.search}${url.hash}` : url.href;
}

function without(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  prefixes: readonly string[],
): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...names, ...named]);
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !dropped.has(name) && !prefixes.some((prefix) => name.startsWith(prefix)),
    ),
  );
}
