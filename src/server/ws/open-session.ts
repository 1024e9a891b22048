import type { WebSocket } from 'ws';
import type { ServerContext } from '../context.js';
import { SocketSession } from './socket-session.js';

/** Returns a session on `socket`, which `/metrics` counts until it is closed. */
export function openSession<Sent extends object>(
  socket: WebSocket,
  { metrics, options }: ServerContext,
  route: string,
): SocketSession<Sent> {
  const session = new SocketSession<Sent>(socket, options.patience);
  metrics.sockets.inc({ route });
  session.gone.addEventListener('abort', () => metrics.sockets.dec({ route }), { once: true });
  return session;
}
