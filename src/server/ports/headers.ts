/** Filters header fields between a caller and a server inside a sandbox, which counts as hostile. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { HOP_BY_HOP } from '../../egress/hop-by-hop.js';
import { isOwn } from '../../egress/own-names.js';
import { OPAQUE_ORIGIN } from '../../http/guards.js';

/** Request fields that are not passed on: secrets of the caller, and fields that only concern this server. */
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
/** Response fields that are not passed on: they could affect this origin, or the browser beyond one response. */
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

/** Fields of every page from a sandbox. They give it a unique opaque origin: no storage, no cookies, no access to this API. */
const UNTRUSTED = {
  'content-security-policy': "sandbox allow-scripts allow-forms; frame-ancestors 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Fields of a preview. Its address is a secret, so only its own pages can load from it or frame each other. A tab that it
 * opens gets the rules of the address it shows.
 */
const PREVIEWED = {
  ...UNTRUSTED,
  'content-security-policy':
    'sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox',
  'cross-origin-resource-policy': 'cross-origin',
};

/** Maximum that Chromium accepts for Access-Control-Max-Age. */
const PREFLIGHT_SECONDS = 7200;

/** Returns the fields that this server adds to every answer from a sandbox, and to its own answers for such an address. */
export function ownFields({ preview, origin }: Pick<Place, 'preview' | 'origin'>): Record<string, string> {
  if (!preview) return UNTRUSTED;
  if (origin !== OPAQUE_ORIGIN) return PREVIEWED;
  // To the browser, fetches of the preview's own pages come from another origin. Cookies are dropped in both directions.
  return {
    ...PREVIEWED,
    'access-control-allow-origin': OPAQUE_ORIGIN,
    'access-control-allow-credentials': 'true',
  };
}

/** Returns the fields of the answer to a CORS preflight from a page of a preview to that preview. */
export function preflightFields(headers: IncomingHttpHeaders): Record<string, string> {
  const wanted = headers['access-control-request-headers'];
  return {
    ...ownFields({ preview: true, origin: headers.origin }),
    'access-control-allow-methods': headers['access-control-request-method'] ?? 'GET',
    ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}

/** Returns the request fields for the server inside. Its Host is `localhost`. */
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
  // Frameworks compare Origin with Host before they accept a form.
  const own = headers.origin !== undefined && { origin: `http://${host}` };
  return { ...kept, ...own, 'x-forwarded-prefix': prefix, host };
}

/** Address of an answer, as the caller sees it. */
export interface Place {
  /** Path and query that the server inside received. */
  target: string;
  /** Path on this server, in front of the target. */
  prefix: string;
  /** Host field of the caller. */
  host: string | undefined;
  /** Origin field of the caller. */
  origin: string | undefined;
  /** True if the prefix contains the secret of a preview. */
  preview: boolean;
}

/** Returns the response fields for the caller. A redirect within the server inside stays below the prefix. */
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

/**
 * Returns the Location of a redirect, kept below the prefix. A redirect that leaves it or names this machine would let one
 * sandbox send a browser to the ports of another.
 */
function relocated(location: string, { target, prefix, host, preview }: Place): string {
  const base = `http://localhost${target}`;
  if (!URL.canParse(location, base)) return prefix;
  const url = new URL(location, base);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  const isHere = isOwn(url.hostname.replace(/^\[(.*)\]$/, '$1')) || url.host === host?.toLowerCase();
  if (!isWeb || !isHere) return url.href;
  // A server that reads X-Forwarded-Prefix has already added the prefix.
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
