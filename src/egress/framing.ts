/**
 * Frames the body of a forwarded request. A server parses an unframed body as the next request (request smuggling).
 * Node frames only the bodies of POST, PUT and PATCH.
 */
import type { IncomingHttpHeaders } from 'node:http';

type Framing = Pick<IncomingHttpHeaders, 'transfer-encoding' | 'content-length'>;

export const isFramed = (headers: Framing): boolean =>
  headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;

/**
 * Returns the coding besides chunks (RFC 9112 §6.1), if any. Node removes only chunks, and the field is not forwarded.
 */
export function unknownCoding({ 'transfer-encoding': coding }: Framing): string | undefined {
  return coding === undefined || coding.trim().toLowerCase() === 'chunked' ? undefined : coding;
}
