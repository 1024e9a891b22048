/** `WS /v1/sandboxes/:id/tunnel/:port`: the bytes of one TCP connection to a port inside, as binary messages. */
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { join } from '../../ports/join.js';
import type { TunnelAnswer } from '../../wire/messages.js';
import { WebSocketDuplex } from '../../wire/websocket-duplex.js';
import { callerOf } from '../call.js';
import type { ServerContext } from '../context.js';
import { openSession } from './open-session.js';
import { CloseCode } from './socket-session.js';

export async function tunnelSession(socket: WebSocket, request: FastifyRequest, context: ServerContext): Promise<void> {
  const { id, port } = request.params as { id: string; port: number };
  const { sandboxes } = context;
  const session = openSession<TunnelAnswer>(socket, context, 'tunnel');
  const outside = new WebSocketDuplex(socket);
  outside.on('error', () => {});
  try {
    const inside = await sandboxes.get(callerOf(request), id).ports.connect(port, { signal: session.gone });
    await session.json({ type: 'connected' });
    await join(outside, inside);
    session.close();
  } catch (error) {
    await session.error(error);
    session.close(CloseCode.INTERNAL, 'the connection inside ended');
  }
}
