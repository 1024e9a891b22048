import type { WebSocket } from 'ws';
import type { ServerContext } from '../context.js';
import { SocketSession } from './socket-session.js';

/** Opens a session on `socket`. The metrics count it until it is closed. */
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
