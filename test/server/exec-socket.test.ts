/** The WebSocket of one command, from clients that are wrong, hostile or in a hurry. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { useManager } from '../helpers/sandbox.js';
import { Messages, useServer } from '../helpers/server.js';

const WINDOW = 1024;

const under = useManager();
const served = useServer(under);

async function exec(sandbox: { id: string }): Promise<Messages> {
  const messages = new Messages(served.socket(`/v1/sandboxes/${sandbox.id}/exec`));
  await once(messages.socket, 'open');
  return messages;
}

/** Resolves when the window is full. */
async function unacknowledged({ socket, all }: Messages): Promise<void> {
  const bytes = () => all.reduce((sum, message) => sum + (Buffer.isBuffer(message) ? message.length - 1 : 0), 0);
  while (bytes() < WINDOW) await once(socket, 'message');
}

describe('a signal with a name that is none', () => {
  it('is refused over a WebSocket, and the server lives', async () => {
    await using sandbox = await under.manager.create({ image: 'shell' });
    for (const signal of ['SIGRTMIN1', 'SIG', 'TERM']) {
      const messages = await exec(sandbox);
      messages.send({ type: 'start', command: 'sleep 60' });
      await messages.next(({ type }) => type === 'started');
      messages.send({ type: 'kill', signal });
      const { error } = await messages.next(({ type }) => type === 'error');
      expect(error.code).toBe('invalid-options');
      expect(error.message).toContain(signal);
      expect((await served.call('GET', '/healthz')).status).toBe(200);
    }
  });

  it('is refused over HTTP', async () => {
    await using sandbox = await under.manager.create({ image: 'shell' });
    const commands = `/v1/sandboxes/${sandbox.id}/commands`;
    const { id } = (await served.call('POST', commands, { command: 'sleep 60' })).body;
    const refused = await served.call('DELETE', `${commands}/${id}?signal=SIGRTMIN1`);
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'invalid-options' } } });
    expect((await served.call('DELETE', `${commands}/${id}?signal=SIGKILL`)).status).toBe(200);
  });
});

describe('an abort is answered while output is unacknowledged', () => {
  it('of a command with streams', async () => {
    await using sandbox = await under.manager.create({ image: 'shell' });
    const messages = await exec(sandbox);
    messages.send({ type: 'start', command: 'yes', window: WINDOW });
    await unacknowledged(messages);
    messages.send({ type: 'abort' });
    expect((await messages.next(({ type }) => type === 'error')).error.code).toBe('aborted');
  });

  it.each(['abort', 'kill'])('of a command with a result, by %s', async (type) => {
    await using sandbox = await under.manager.create({ image: 'shell' });
    const messages = await exec(sandbox);
    messages.send({ type: 'exec', command: 'yes', window: WINDOW });
    await unacknowledged(messages);
    messages.send({ type });
    expect((await messages.next((message) => message.type === 'error')).error.code).toBe('aborted');
  });
});
