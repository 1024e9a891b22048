import { WebSocket } from 'ws';
import type { Transport } from './transport.js';

/** A WebSocket to that path. Not a method of {@link Transport}: public types name that class and must not need those of `ws`. */
export function openSocket(transport: Transport, path: string): WebSocket {
  const { target, headers } = transport.socketTarget(path);
  return new WebSocket(target, 'ripcord', { headers, perMessageDeflate: false });
}
