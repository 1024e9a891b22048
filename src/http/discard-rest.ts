/** Drops the rest of a request's body after its refusal. */
import type { IncomingMessage } from 'node:http';

/** Time in milliseconds after which the connection of a client that still sends is closed. */
const DISCARD_MS = 5000;

/**
 * Reads and drops the rest of a refused body. A connection that is closed with unread data is reset, and the client may
 * lose the answer (RFC 9112, 9.6).
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), DISCARD_MS);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
