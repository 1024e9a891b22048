/** HTTP statuses of errors, in one table, so that a code has the same status on every route. */
import { type ErrorCode, messageOf, RipcordError } from '../base/errors.js';
import { type ErrorDocument, toErrorDocument } from '../wire/errors.js';

/** Status of a request that its client ended: nginx's, not in RFC 9110. */
const CLIENT_CLOSED_REQUEST = 499;

const STATUS: Record<ErrorCode, number> = {
  aborted: CLIENT_CLOSED_REQUEST,
  'invalid-options': 400,
  malformed: 400,
  'token-in-url': 400,
  'result-invalid': 400,
  'commit-plan-invalid': 400,
  'archive-invalid': 400,
  'seed-invalid': 400,
  'outside-workspace': 400,
  'is-a-directory': 400,
  'not-a-directory': 400,
  'not-a-regular-file': 400,
  'name-too-long': 400,
  'incomplete-write': 400,
  'language-unknown': 400,
  'runtime-not-found': 400,
  'image-not-found': 400,
  unauthorized: 401,
  forbidden: 403,
  'origin-refused': 403,
  'permission-denied': 403,
  'not-found': 404,
  'file-not-found': 404,
  'too-slow': 408,
  conflict: 409,
  'commit-conflict': 409,
  'commit-busy': 409,
  'commit-blocked': 409,
  'workspace-changed': 409,
  'file-exists': 409,
  'directory-not-empty': 409,
  'sandbox-lost': 410,
  'sandbox-closed': 410,
  'too-large': 413,
  'file-too-large': 413,
  'too-many-entries': 413,
  'media-type': 415,
  'host-refused': 421,
  'command-failed': 422,
  'commit-flagged': 422,
  'commit-refused': 422,
  'file-error': 422,
  quota: 429,
  internal: 500,
  'commit-journal-invalid': 500,
  protocol: 500,
  'create-failed': 500,
  'teardown-incomplete': 500,
  'state-dir-unsafe': 500,
  'image-build-failed': 500,
  'endpoint-invalid': 500,
  'agent-missing': 500,
  'package-incomplete': 500,
  'agent-unsafe': 500,
  'port-refused': 502,
  unreachable: 502,
  'engine-error': 502,
  'engine-not-found': 503,
  'engine-unreachable': 503,
  'engine-permission': 503,
  'engine-lost': 503,
  'manager-closed': 503,
  draining: 503,
  'time-limit': 504,
  'no-space': 507,
};

/** Messages with a hint, in place of Fastify's own. */
const WORDS: Record<string, { message: string; hint: string }> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    message: 'The body must be JSON, and say so',
    hint: "Send the header content-type: application/json. With curl: --json '…', or -H 'content-type: application/json' -d '…'.",
  },
};

/** Codes of requests that Fastify itself refuses. */
const FASTIFY: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed',
  FST_ERR_BAD_URL: 'malformed',
};

/** Returns the status of an error code; 500 for a code that is not Ripcord's. */
export const statusOf = (code: string): number => (Object.hasOwn(STATUS, code) ? STATUS[code as ErrorCode] : 500);

interface Refusal {
  status: number;
  document: ErrorDocument;
  /** True for an unexpected failure: log it, and send the client no details. */
  unforeseen: boolean;
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof RipcordError) {
    return { status: statusOf(error.code), document: toErrorDocument(error), unforeseen: false };
  }
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number };
  const known = code === undefined ? undefined : FASTIFY[code];
  if (known !== undefined || (statusCode !== undefined && statusCode >= 400 && statusCode < 500)) {
    const { message, hint } = WORDS[code ?? ''] ?? { message: messageOf(error), hint: undefined };
    const refused = new RipcordError(known ?? 'malformed', message, hint === undefined ? {} : { hint });
    return { status: statusOf(refused.code), document: toErrorDocument(refused), unforeseen: false };
  }
  const internal = new RipcordError('internal', 'The server failed; its log has the error');
  return { status: 500, document: toErrorDocument(internal), unforeseen: true };
}
