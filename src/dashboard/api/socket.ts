/** A WebSocket to the server. The token goes as a subprotocol, which no log and no address holds. */
import { token } from './token.js';

export function openSocket(path: string): WebSocket {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const protocols = token.value === undefined ? ['ripcord'] : ['ripcord', `bearer.${token.value}`];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  return socket;
}
