/** Commands in the background: a client that returns to one gets the kept output, further output, and the end. */

import type { RemoteSandbox, RipcordClient } from 'ripcord-sandbox/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rejection, useManager } from '../helpers/sandbox.js';
import { OTHER_TOKEN, useServer } from '../helpers/server.js';

const under = useManager();
const served = useServer(under);
let client: RipcordClient;
let sandbox: RemoteSandbox;
beforeAll(async () => {
  client = await served.client();
  sandbox = await client.create({ image: 'shell' });
});
afterAll(() => client?.close());

/** Reads to the end; `seen` hears of all output so far. */
async function follow(id: string, seen: (stdout: string) => unknown = () => {}) {
  const told = { stdout: '', stderr: '', missing: 0 };
  const output = sandbox.commands.output(id);
  let step = await output.next();
  for (; !step.done; step = await output.next()) {
    if ('missing' in step.value) told.missing += step.value.missing;
    else told[step.value.channel] += step.value.bytes.toString();
    await seen(told.stdout);
  }
  return { ...told, result: step.value };
}

it('is attached to again: what it said before, what it says now, and its end', async () => {
  const line = 'echo before; echo oops >&2; while [ ! -e go ]; do sleep 0.02; done; echo after; exit 3';
  const { id } = await sandbox.commands.start(line);
  for await (const piece of sandbox.commands.output(id)) {
    // A client that leaves does not end the command.
    if (piece.channel === 'stdout') break;
  }
  const [first, second] = await Promise.all([
    follow(id, (stdout) => stdout === 'before\n' && sandbox.files.write('go', '')),
    follow(id),
  ]);
  expect(first).toMatchObject({ stdout: 'before\nafter\n', stderr: 'oops\n', missing: 0, result: { exitCode: 3 } });
  expect(second).toEqual(first);
  expect(await follow(id)).toEqual(first);
});

it('says how much is missing of what was too long to keep', async () => {
  const { id } = await sandbox.commands.start('seq 200000');
  await served.call('GET', `/v1/sandboxes/${sandbox.id}/commands/${id}?waitMs=20000`);
  const { stdout, missing, result } = await follow(id);
  expect(result.exitCode).toBe(0);
  expect(stdout.startsWith('1\n2\n') && stdout.endsWith('\n200000\n')).toBe(true);
  expect(missing).toBeGreaterThan(0);
  expect(stdout.length + missing).toBe(1_288_895);
});

it('does not wait for those that follow it, and ends for them when it is killed', async () => {
  const { id } = await sandbox.commands.start('echo up; exec sleep 60');
  const following = follow(id);
  await sandbox.commands.kill(id);
  expect((await following).result.outcome).toBe('signaled');
  expect((await sandbox.commands.list()).find((command) => command.id === id)!.running).toBe(false);
});

it('is nobody else’s, and an abort ends the reading only', async () => {
  const { id } = await sandbox.commands.start('exec sleep 60');
  const next = (signal?: AbortSignal) => sandbox.commands.output(id, signal && { signal }).next();
  const controller = new AbortController();
  const reading = rejection(next(controller.signal));
  controller.abort();
  expect(await reading).toMatchObject({ code: 'aborted' });
  expect((await sandbox.commands.list()).find((command) => command.id === id)!.running).toBe(true);
  expect(await rejection(sandbox.commands.output('00000000').next())).toMatchObject({ code: 'not-found' });
  const path = `/v1/sandboxes/${sandbox.id}/commands/${id}/output`;
  const theirs = served.socket(path, { authorization: `Bearer ${OTHER_TOKEN}` });
  const [message] = await new Promise<[Buffer]>((resolve) => theirs.once('message', (data: Buffer) => resolve([data])));
  expect(JSON.parse(message.toString())).toMatchObject({ error: { code: 'not-found' } });
  theirs.terminate();
  await sandbox.commands.kill(id);
});
