/** Which header fields pass between a caller and a server inside a sandbox. What is served there is hostile. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { HOP_BY_HOP } from '../../egress/hop-by-hop.js';
import { isOwn } from '../../egress/own-names.js';
import { OPAQUE_ORIGIN } from '../../http/guards.js';

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
  'set-login',
  'accept-ch',
  'critical-ch',
  'use-as-dictionary',
  'activate-storage-access',
  'attribution-reporting-register-source',
  'attribution-reporting-register-trigger',
];
const NOT_OUT_PREFIXES = ['access-control-'];

/** A page from a sandbox has an origin of its own that nobody else has: no storage, no cookies, no way to this API. */
const UNTRUSTED = {
  'content-security-policy': "sandbox allow-scripts allow-forms; frame-ancestors 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * A preview has these fields. Its address is a secret, so only its own pages can load from there or frame each other. A tab
 * that it opens has the rules of its own address.
 */
const PREVIEWED = {
  ...UNTRUSTED,
  'content-security-policy':
    'sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox',
  'cross-origin-resource-policy': 'cross-origin',
};

/** Chromium's longest time. */
const PREFLIGHT_SECONDS = 7200;

/** The fields of an answer that no server inside has made. */
export function ownFields({ preview, origin }: Pick<Place, 'preview' | 'origin'>): Record<string, string> {
  if (!preview) return UNTRUSTED;
  if (origin !== OPAQUE_ORIGIN) return PREVIEWED;
  // The fetches of its own pages are of another origin to the browser. No cookie goes either way.
  return {
    ...PREVIEWED,
    'access-control-allow-origin': OPAQUE_ORIGIN,
    'access-control-allow-credentials': 'true',
  };
}

/** The answer to a browser that asks whether a page of a preview may send a request to that preview. */
export function preflightFields(headers: IncomingHttpHeaders): Record<string, string> {
  const wanted = headers['access-control-request-headers'];
  return {
    ...ownFields({ preview: true, origin: headers.origin }),
    'access-control-allow-methods': headers['access-control-request-method'] ?? 'GET',
    ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}

/** The fields for the server inside, which is told that it is `localhost`. */
export function inwards(
  headers: IncomingHttpHeaders,
  { port, prefix, preview }: { port: number; prefix: string; preview: boolean },
): OutgoingHttpHeaders {
  const kept = without(headers, NOT_IN, NOT_IN_PREFIXES);
  delete kept['sec-websocket-protocol'];
  const protocols = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'ripcord' && !name.startsWith('bearer.'));
  if (protocols.length > 0) kept['sec-websocket-protocol'] = protocols.join(', ');
  const host = `localhost:${port}`;
  if (!preview) return { ...kept, host };
  // Frameworks compare it with Host before they take a form.
  const own = headers.origin !== undefined && { origin: `http://${host}` };
  return { ...kept, ...own, 'x-forwarded-prefix': prefix, host };
}

/** The address of an answer, as the caller sees it. */
export interface Place {
  /** Path and query, as the server inside got them. */
  target: string;
  /** The path here, in front of the target. */
  prefix: string;
  /** The caller's Host field. */
  host: string | undefined;
  /** The caller's Origin field. */
  origin: string | undefined;
  /** Whether the prefix is a secret. */
  preview: boolean;
}

/** The fields for the caller. A redirect within the server inside stays below the prefix. */
export function outwards(headers: IncomingHttpHeaders, place: Place): OutgoingHttpHeaders {
  const kept = without(headers, NOT_OUT, NOT_OUT_PREFIXES);
  const { location } = headers;
  if (location !== undefined) kept.location = relocated(location, place);
  const own = ownFields(place);
  const readable = 'access-control-allow-origin' in own && {
    'access-control-expose-headers': Object.keys(kept).join(', '),
  };
  return { ...kept, ...own, ...readable };
}

/** A redirect that climbs out, or that names this machine, would let one sandbox send a browser to another one's ports. */
function relocated(location: string, { target, prefix, host, preview }: Place): string {
  const base = `http://localhost${target}`;
  if (!URL.canParse(location, base)) return prefix;
  const url = new URL(location, base);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  const isHere = isOwn(url.hostname.replace(/^\[(.*)\]$/, '$1')) || url.host === host?.toLowerCase();
  if (!isWeb || !isHere) return url.href;
  // A server that reads X-Forwarded-Prefix has put it there itself.
  const isBelow = preview && url.pathname.startsWith(`${prefix}/`);
  return `${isBelow ? '' : prefix}${url.pathname}${url.search}${url.hash}`;
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
