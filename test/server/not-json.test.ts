/** A task whose functions return what JSON cannot hold is told to its end, over every way to ask. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { useManager } from '../helpers/sandbox.js';
import { Messages, useServer } from '../helpers/server.js';

const cycle: Record<string, unknown> = { passed: true };
cycle.self = cycle;
const under = useManager();
const served = useServer(under, {
  specs: {
    odd: {
      task: 'own',
      options: { sandbox: false, maxIterations: 1, branches: 1, propose: () => 1n, verify: () => cycle },
    },
  } as never,
});

const end = {
  type: 'completed',
  result: { status: 'accepted', winner: { proposal: '1n', verification: { passed: true, self: '[circular]' } } },
};

it('over its WebSocket', async () => {
  const messages = new Messages(served.socket('/ws/tasks'));
  await once(messages.socket, 'open');
  messages.send({ type: 'start', spec: 'odd' });
  expect(await messages.next(({ type }) => type === 'completed')).toMatchObject(end);
  const proposal = messages.all.find(
    (message) => 'event' in message && (message.event as object as { type: string }).type === 'proposal',
  );
  expect(proposal).toMatchObject({ event: { proposal: '1n' } });
});

it('over server-sent events, and as a result', async () => {
  await using client = await served.client();
  const { id } = await client.tasks.start('odd');
  const events = client.tasks.events(id);
  let step = await events.next();
  while (!step.done) step = await events.next();
  expect(step.value).toMatchObject(end);
  const result = await served.call('GET', `/v1/tasks/${id}/result`);
  expect(result).toMatchObject({ status: 200, body: end });
});
