/** Errors of a client whose pipe has ended. */
import { describe, expect, it } from 'vitest';
import type { AgentClient } from '../../../src/agent/client.js';
import { Receive, type SpawnRequest } from '../../../src/agent/messages.js';
import { greetedClient } from '../../helpers/fake-pipe.js';

const BYE_LEASE = 3;

const request: SpawnRequest = {
  argv: ['true'],
  user: '',
  cwd: '',
  env: {},
  flags: 0,
  timeoutMs: 0,
  graceMs: 0,
  drainMs: 0,
  head: 0,
  tail: 0,
  killAtBytes: 0,
  credit: 1,
  cols: 0,
  rows: 0,
};

/** A client whose agent has greeted, and left. */
async function ended(): Promise<AgentClient> {
  const { client, pipe } = greetedClient();
  await client.ready;
  pipe.says(0, Receive.BYE, Buffer.from([BYE_LEASE]));
  pipe.handlers.close(undefined);
  expect(await client.ended).toMatchObject({ bye: 'lease' });
  return client;
}

describe('a pipe that has ended', () => {
  it('loses what is begun on it afterwards, as it does what was under way', async () => {
    const client = await ended();
    const lost = new Promise<string>((resolve) => {
      const unexpected = () => resolve('something else');
      client.open(request, {
        started: unexpected,
        output: unexpected,
        gap: unexpected,
        eof: unexpected,
        exit: unexpected,
        lost: () => resolve('lost'),
      });
    });
    expect(await lost).toBe('lost');
    expect(client.activeStreams).toBe(0);
  });

  it('answers no question', async () => {
    const client = await ended();
    const accept = () => {
      throw new Error('nobody connects');
    };
    const questions = [client.ping(), client.stats(), client.listen(1, accept), client.warm(request), client.reset()];
    for (const asked of questions) {
      await expect(asked).rejects.toMatchObject({ code: 'sandbox-lost', message: expect.stringContaining('lease') });
    }
  });
});
