/** What a client says of a pipe that has ended. */
import { describe, expect, it } from 'vitest';
import { AgentClient } from '../../../src/agent/client.js';
import { encodeFrame } from '../../../src/agent/frame.js';
import { Receive, type SpawnRequest } from '../../../src/agent/messages.js';
import type { Transport, TransportHandlers } from '../../../src/agent/transport.js';

const BYE_LEASE = 3;

class Pipe implements Transport {
  handlers!: TransportHandlers;
  receive(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }
  write(): void {}
  destroy(): void {}
  ref(): void {}
  unref(): void {}
}

const greeting = (() => {
  const payload = Buffer.alloc(16);
  payload.writeUInt16LE(1, 0);
  payload.writeUInt32LE(512, 4);
  return encodeFrame(0, Receive.READY, payload);
})();

const request: SpawnRequest = {
  argv: ['true'],
  user: '',
  cwd: '',
  env: {},
  flags: 0,
  timeoutMs: 0,
  graceMs: 0,
  head: 0,
  tail: 0,
  killAtBytes: 0,
  credit: 1,
  cols: 0,
  rows: 0,
};

/** A client whose agent has greeted, and left. */
async function ended(): Promise<AgentClient> {
  const pipe = new Pipe();
  const client = new AgentClient(pipe, {
    leaseMs: 1000,
    lifetimeMs: 0,
    workspace: '/w',
    defaultUser: '',
    shareWorkspace: false,
    resettable: false,
  });
  pipe.handlers.data(Buffer.from(greeting));
  await client.ready;
  pipe.handlers.data(Buffer.from(encodeFrame(0, Receive.BYE, Buffer.from([BYE_LEASE]))));
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
    const questions = [client.ping(), client.stats(), client.listen(1, accept), client.warm(request), client.reset([])];
    for (const asked of questions) {
      await expect(asked).rejects.toMatchObject({ code: 'sandbox-lost', message: expect.stringContaining('lease') });
    }
  });
});
