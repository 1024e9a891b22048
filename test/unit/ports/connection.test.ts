import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Receive } from '../../../src/agent/messages.js';
import { connectToPort } from '../../../src/ports/connection.js';
import { greetedClient, hostOf } from '../../helpers/fake-pipe.js';
import { collectGarbage } from '../../helpers/retained.js';

const PIECE = 32 * 1024;
const MIB = 1024 ** 2;

it('keeps little of what an agent says about a failure without an end', async () => {
  const { client, pipe } = greetedClient();
  const connecting = connectToPort(hostOf(client), 80, { user: '', signal: undefined });
  connecting.catch(() => {});
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < 64 * MIB; sent += PIECE) {
    pipe.says(1, Receive.STDERR, Buffer.alloc(PIECE));
    await turn();
  }
  collectGarbage();
  expect(client.isEnded).toBe(false);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
  client.destroy(new Error('enough'));
  await expect(connecting).rejects.toThrow();
});
