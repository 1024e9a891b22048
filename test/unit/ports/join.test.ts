/** Two connections made one: what passes, what ends, what breaks, and how few listeners that takes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { flow, join } from '../../../src/ports/join.js';

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});

/** Both ends of a connection that is half-open as those of a sandbox are. */
async function connection(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  for (const each of [near, far]) each.on('error', () => {});
  open.push(near, far);
  return [near, far];
}

/** All that comes, without closing the stream behind it. */
async function all(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

it('passes all of both directions on, and each ends by itself', async () => {
  const [one, left] = await connection();
  const [other, right] = await connection();
  const joined = join(one, other);
  const sent = Buffer.alloc(3_000_000, 'abcdefg');
  left.end(sent);
  expect((await all(right)).equals(sent)).toBe(true);
  right.end('still here');
  expect(String(await all(left))).toBe('still here');
  await joined;
});

it('breaks one when the other breaks', async () => {
  for (const which of [0, 1]) {
    const [one, left] = await connection();
    const [other, right] = await connection();
    const joined = join(one, other);
    const [broken, heard] = which === 0 ? [left, right] : [right, left];
    const ended = all(heard);
    broken.resetAndDestroy();
    await expect(joined).rejects.toThrow(/ECONNRESET|premature/i);
    await ended;
    expect([one.destroyed, other.destroyed]).toEqual([true, true]);
  }
});

it('breaks what is joined to a connection that is gone already', async () => {
  const [one] = await connection();
  const [other] = await connection();
  one.destroy();
  await once(one, 'close');
  await expect(join(one, other)).rejects.toThrow(/premature/i);
  expect(other.destroyed).toBe(true);
});

it('listens little enough for the owner of a connection to listen, too', async () => {
  const [one] = await connection();
  const [other] = await connection();
  const before = one.listenerCount('close');
  const down = flow(other, one);
  const up = flow(one, other);
  for (const socket of [one, other]) {
    for (const name of socket.eventNames()) {
      expect(socket.listenerCount(name) - (name === 'close' ? before : 0), String(name)).toBeLessThanOrEqual(5);
    }
  }
  one.destroy();
  await Promise.allSettled([down, up]);
});
