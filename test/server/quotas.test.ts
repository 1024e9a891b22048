/** Limits of one token: the request above a limit is refused with the reason, and each end makes room. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { rejection, useManager } from '../helpers/sandbox.js';
import { OTHER_TOKEN, TOKEN, useServer } from '../helpers/server.js';

const under = useManager();
const endless = {
  task: 'own',
  options: {
    maxIterations: 1,
    propose: ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    verify: async () => ({ passed: true }),
    sandbox: { image: 'shell' },
  },
};
const served = useServer(under, {
  callers: { maxSockets: 2, maxRequests: 2, maxTasks: 1 },
  specs: { endless } as never,
});
const others = { authorization: `Bearer ${OTHER_TOKEN}` };
const open: WebSocket[] = [];
afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await expect.poll(async () => (await served.metric('ripcord_websockets{route="events"}')) ?? 0).toBe(0);
});

/** Resolves to 101, or to the status of the refusal. */
async function upgrade(
  headers?: Record<string, string>,
): Promise<{ status: number; code?: string; socket: WebSocket }> {
  const socket = served.socket('/v1/events', headers);
  socket.on('error', () => {});
  const answered = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>;
  const answer = await Promise.race([once(socket, 'open').then(() => undefined), answered]);
  if (!answer) {
    open.push(socket);
    return { status: 101, socket };
  }
  const { error } = (await json(answer[1])) as { error: { code: string } };
  return { status: answer[1].statusCode!, code: error.code, socket };
}

it('sockets: the one too many is 429, another token has its own, and one that closes makes room', async () => {
  const first = await upgrade();
  expect([first.status, (await upgrade()).status]).toEqual([101, 101]);
  expect(await upgrade()).toMatchObject({ status: 429, code: 'quota' });
  expect((await upgrade(others)).status).toBe(101);
  first.socket.close();
  await once(first.socket, 'close');
  await expect.poll(async () => (await upgrade()).status).toBe(101);
  expect(await upgrade()).toMatchObject({ status: 429 });
});

it('sockets: the client tells of it by the same word, whatever it wanted one for', async () => {
  await using client = await served.client();
  await using sandbox = await client.create({ image: 'shell' });
  await upgrade();
  await upgrade();
  expect(await rejection(sandbox.spawn('true'))).toMatchObject({ code: 'quota' });
  expect(await rejection(sandbox.exec('true', { onStdout: () => {} }))).toMatchObject({ code: 'quota' });
  expect(await rejection(sandbox.ports.connect(80))).toMatchObject({ code: 'quota' });
  expect((await sandbox.exec('echo over HTTP')).stdout).toBe('over HTTP\n');
});

it('tasks: the one too many is 429, another token has its own, and one that ends makes room', async () => {
  await using client = await served.client();
  await using other = await served.client(OTHER_TOKEN);
  const { id } = await client.tasks.start('endless');
  expect((await served.call('POST', '/v1/tasks', { spec: 'endless' })).status).toBe(429);
  expect(await rejection(client.tasks.start('endless'))).toMatchObject({ code: 'quota' });
  const theirs = await other.tasks.start('endless');
  await client.tasks.abort(id);
  let next: { id: string } | undefined;
  await expect
    .poll(async () => (next = await client.tasks.start('endless').catch(() => undefined)), { timeout: 10_000 })
    .toBeDefined();
  expect(await rejection(client.tasks.start('endless'))).toMatchObject({ code: 'quota' });
  await client.tasks.abort(next!.id);
  await other.tasks.abort(theirs.id);
  await expect.poll(() => under.manager.list(), { timeout: 10_000 }).toEqual([]);
});

it('requests: the one too many is 429, and connections that break give back what they had', async () => {
  await using sandbox = await under.manager.create({ image: 'shell' });
  const head = `Host: 127.0.0.1:${served.port}\r\nAuthorization: Bearer ${TOKEN}\r\n`;
  const body = '{"command":"sleep 60"}';
  const exec =
    `POST /v1/sandboxes/${sandbox.id}/exec HTTP/1.1\r\n${head}` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const peer = connect(served.port, '127.0.0.1');
  // The answer of the second has to wait for that of the first; both are under way.
  peer.write(exec + exec);
  await expect.poll(async () => (await sandbox.stats()).commands).toBe(2);
  expect((await served.call('GET', '/v1/specs')).body).toMatchObject({ error: { code: 'quota' } });
  expect((await served.call('GET', '/v1/specs', undefined, others)).status).toBe(200);
  peer.destroy();
  await expect.poll(async () => (await sandbox.stats()).commands).toBe(0);
  const again = connect(served.port, '127.0.0.1');
  again.write(exec);
  await expect.poll(async () => (await sandbox.stats()).commands).toBe(1);
  expect((await served.call('GET', '/v1/specs')).status).toBe(200);
  again.destroy();
});
