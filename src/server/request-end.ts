/** The end of a request: that of its response, or of its connection. */
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** One listener a connection, however many requests a client sends ahead on it. */
const underWay = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `end` once. A response that waits behind another one of its connection emits no `close` when that breaks, so
 * the connection is listened to, too.
 */
export function onRequestEnd({ raw: { socket } }: FastifyRequest, reply: FastifyReply, end: () => void): void {
  if (socket.destroyed) return end();
  const ends = underWay.get(socket) ?? new Set();
  if (!underWay.has(socket)) {
    underWay.set(socket, ends);
    socket.once('close', () => {
      for (const each of ends) each();
    });
  }
  const once = () => {
    if (ends.delete(once)) end();
  };
  ends.add(once);
  reply.raw.once('close', once);
}
