/** The client's end of a command's input. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { CommandSocket, WINDOW_BYTES } from '../../../src/client/command-socket.js';
import type { Transport } from '../../../src/client/transport.js';
import { STDIN_OVERHEAD } from '../../../src/wire/channels.js';

it('tiny writes wait before the server has too many of them', async () => {
  const most = Math.ceil(WINDOW_BYTES / (1 + STDIN_OVERHEAD));
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const options = { signal: undefined, output: () => {}, text: true, what: 'testing' };
  const transport = {
    socketTarget: () => ({ target: url, headers: {} }),
    lost: () => new Error('lost'),
  } as unknown as Transport;
  const command = new CommandSocket(transport, '', { type: 'start' }, options);
  const [far] = await accepted;
  try {
    let got = 0;
    const full = new Promise<void>((resolve) => {
      far.on('message', (_: Buffer, binary: boolean) => {
        if (binary && ++got === most) resolve();
      });
    });
    const writing = (async () => {
      for (let n = 0; n < most + 1000; n++) await command.write(Buffer.alloc(1));
    })();
    await full;
    // Everything sent before arrives before the answer.
    far.ping();
    await once(far, 'pong');
    expect(got).toBe(most);
    for (let n = 0; n < most; n++) far.send('{"type":"stdin_ack","bytes":1}');
    await writing;
    far.send('{"type":"result","result":{}}');
    await command.result;
  } finally {
    far.terminate();
    server.close();
  }
});
