/** WebSockets whose other end does not read: what feeds them waits, then they are closed, and nothing piles up. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { useManager } from '../helpers/sandbox.js';
import { Messages, useServer } from '../helpers/server.js';

const MIB = 1024 * 1024;
const STALL_MS = 1000;

const under = useManager();
/** Closes soon who takes nothing, however little waits for him. */
const hasty = useServer(under, { patience: { stallMs: STALL_MS } });
/** Waits for clients that read nothing, with a small buffer. */
const frugal = useServer(under, { patience: { pauseBytes: MIB / 8, closeBytes: MIB } });

/** Leaves arriving data in the kernel's buffer until that is full. */
const stopReading = (socket: WebSocket) => (socket as unknown as { _socket: Socket })._socket.pause();

it('a command waits for a client that does not read, and is killed when its time is up', async () => {
  await using sandbox = await under.manager.create({ image: 'shell' });
  const messages = new Messages(hasty.socket(`/v1/sandboxes/${sandbox.id}/exec`));
  await once(messages.socket, 'open');
  const begun = performance.now();
  messages.send({ type: 'start', command: 'head -c 64M /dev/zero; touch done; exec sleep 60' });
  await messages.next(({ type }) => type === 'started');
  stopReading(messages.socket);
  await expect.poll(async () => (await sandbox.stats()).commands, { timeout: 8 * STALL_MS }).toBe(0);
  expect(performance.now() - begun).toBeGreaterThan(STALL_MS);
  expect(await sandbox.files.exists('done')).toBe(false);
  messages.socket.terminate();
});

it('a client that goes on asking without reading the answers is closed at the limit', async () => {
  const messages = new Messages(frugal.socket('/ws/tasks'));
  const { socket } = messages;
  await once(socket, 'open');
  stopReading(socket);
  // The kernel takes a few MiB before anything waits in the server.
  const most = 24 * MIB;
  const batch = 1000;
  const answer = '{"status":"detached"}'.length;
  let asked = 0;
  for (; asked * answer < most && socket.readyState === socket.OPEN; asked += batch) {
    for (let i = 0; i < batch; i++) messages.send({ type: 'detach' });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => frugal.metric('ripcord_websockets{route="tasks"}'), { timeout: 5000 }).toBe(0);
  socket.terminate();
});

it('a long result reaches a client that reads', async () => {
  await using client = await frugal.client();
  await using sandbox = await client.create({ image: 'shell' });
  // More than the kernel takes in one go.
  const options = { maxOutputBytes: 16 * MIB, onStdout: () => {} };
  const { stdout } = await sandbox.exec('head -c 15M /dev/zero | tr "\\0" x', options);
  expect(stdout.length).toBe(15 * MIB);
});
