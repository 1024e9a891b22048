/** Opens a WebSocket to the server. The token is sent as a subprotocol, so that it is not in any log or URL. */
import { token } from './token.js';

export function openSocket(path: string): WebSocket {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const protocols = token.value === undefined ? ['ripcord'] : ['ripcord', `bearer.${token.value}`];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  return socket;
}
