/**
 * Marks off the body of a request that is passed on. A server takes a body without a mark for the next request (request
 * smuggling). Node marks off the bodies of POST, PUT and PATCH only.
 */
import type { IncomingHttpHeaders } from 'node:http';

type Framing = Pick<IncomingHttpHeaders, 'transfer-encoding' | 'content-length'>;

export const isFramed = (headers: Framing): boolean =>
  headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;

/** The coding besides chunks (RFC 9112 §6.1), if any. Node removes chunks only, and the field is not passed on. */
export function unknownCoding({ 'transfer-encoding': coding }: Framing): string | undefined {
  return coding === undefined || coding.trim().toLowerCase() === 'chunked' ? undefined : coding;
}
