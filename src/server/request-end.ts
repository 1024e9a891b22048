/** Detects the end of a request: the end of its response, or of its connection. */
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Unfinished requests by connection. Each connection has one listener, even if a client pipelines many requests. */
const underWay = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `end` once. If a connection breaks, a response that waits behind another one emits no `close`. Therefore the
 * `close` of the connection counts, too.
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
