import { WebSocket } from 'ws';
import type { Transport } from './transport.js';

/** Opens a WebSocket to a path. It is not a method of {@link Transport}, so that public types do not need the types of `ws`. */
export function openSocket(transport: Transport, path: string): WebSocket {
  const { target, headers } = transport.socketTarget(path);
  return new WebSocket(target, 'ripcord', { headers, perMessageDeflate: false });
}
