import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ConnectionLimit } from '../../../src/server/connection-limit.js';

const sockets: Socket[] = [];
const server = createServer((request, response) => {
  if (request.headers.authorization) limit.trust(request.socket);
  response.end('answered');
});
const limit = new ConnectionLimit(server, 3);
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});

async function open(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
async function ask(socket: Socket, ...fields: string[]): Promise<string> {
  socket.write(['GET / HTTP/1.1', 'Host: x', ...fields, '', ''].join('\r\n'));
  return String((await once(socket, 'data'))[0]);
}

it('closes the connection that has been open longest without a token', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const known = await open();
  expect(await ask(known, 'Authorization: Bearer x')).toContain('answered');
  const silent = [await open(), await open()];
  // Each caller that comes pushes out one of those, in their order, and never the one with a token.
  for (const next of silent) {
    const gone = once(next.resume(), 'close');
    expect(await ask(await open(), 'Authorization: Bearer x')).toContain('answered');
    await gone;
  }
  // All places are taken by callers with tokens: the newcomer goes.
  const late = await open();
  await once(late.resume(), 'close');
  expect(await ask(known)).toContain('answered');
  server.closeAllConnections();
  server.close();
});
