/** Pings, over a real pair of sockets. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { patienceSchema } from '../../../src/server/options.js';
import { SocketSession } from '../../../src/server/ws/socket-session.js';
import { WebSocketDuplex } from '../../../src/wire/websocket-duplex.js';

const patience = patienceSchema.parse({ pingMs: 100 });

async function pair(options: object = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  const [[far]] = await Promise.all([accepted, once(near, 'open')]);
  return {
    near,
    far,
    close: () => {
      near.terminate();
      far.terminate();
      server.close();
    },
  };
}

it('a peer whose messages are not read is not taken for dead', async () => {
  const { near, far, close } = await pair();
  try {
    const session = new SocketSession(far, patience);
    const tunnel = new WebSocketDuplex(far);
    tunnel.on('error', () => {});
    // More than a stream buffers, and it is not read.
    near.send(Buffer.alloc(256 * 1024));
    for (let pings = 0; pings < 4 && session.open; pings++) {
      await Promise.race([once(near, 'ping'), once(near, 'close')]);
    }
    expect(far.isPaused).toBe(true);
    expect(session.open).toBe(true);
    const [bytes] = (await once(tunnel, 'data')) as [Buffer];
    expect(bytes.length).toBe(256 * 1024);
  } finally {
    close();
  }
});

it('a peer that does not answer is cut', async () => {
  const { far, close } = await pair({ autoPong: false });
  try {
    const { gone } = new SocketSession(far, patience);
    await once(gone, 'abort');
  } finally {
    close();
  }
});
