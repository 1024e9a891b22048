/** Ends connections whose peer stalls: slow heads, bodies that stop, readers that do not read. */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { RipcordError } from '../base/errors.js';
import { refusalOf } from '../http/error-status.js';
import type { Patience } from './options.js';

/** Current request of each connection. */
const current = new WeakMap<Socket, IncomingMessage>();

export function guardStalls(app: Pick<FastifyInstance, 'server' | 'addHook'>, { stallMs, bodyMs }: Patience): void {
  app.server.setTimeout(stallMs, (socket: Socket) => {
    const request = current.get(socket);
    // A command without output is not a stall. Bytes that the peer does not read, or a body it stops sending, are.
    if (socket.writableLength > 0) socket.destroy();
    else if (request && isAwaited(request)) endSlow(socket);
    else socket.setTimeout(stallMs);
  });
  app.addHook('onRequest', async ({ raw }) => {
    current.set(raw.socket, raw);
  });
  app.addHook('preParsing', async ({ raw, routeOptions }, _reply, payload) => {
    if (routeOptions.config.streams || raw.complete || !hasBody(raw)) return payload;
    const timer = setTimeout(() => {
      if (!raw.complete) endSlow(raw.socket);
    }, bodyMs);
    raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    return payload;
  });
}

/** Returns true if the body is incomplete and all bytes received so far have been read. */
const isAwaited = (request: IncomingMessage): boolean =>
  hasBody(request) && !request.complete && request.readableLength === 0;

/** Returns true if the request has a body (RFC 9112 §6). An upgraded connection, for example, does not. */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the body is a stream of any length. */
    streams?: boolean;
  }
}

function endSlow(socket: Socket): void {
  end(socket, new RipcordError('too-slow', 'The request took too long to arrive'));
}

/** Answers a connection whose bytes Node's parser refuses, before there is a request. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return endSlow(socket);
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return end(
      socket,
      new RipcordError('too-large', 'The head of the request is too long'),
      '431 Request Header Fields Too Large',
    );
  }
  end(socket, new RipcordError('malformed', 'This is not a valid HTTP request'));
}

const LINES: Record<number, string> = { 400: '400 Bad Request', 408: '408 Request Timeout' };

function end(socket: Socket, error: RipcordError, line?: string): void {
  if (!socket.writable) return void socket.destroy();
  const { status, document } = refusalOf(error);
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${line ?? LINES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    // Close our side even if the peer does not close its own.
    () => socket.destroy(),
  );
}
