/** A command's streams, and an agent that goes on after it has said that a channel has ended. */
import { describe, expect, it } from 'vitest';
import { AgentClient } from '../../../src/agent/client.js';
import { encodeFrame } from '../../../src/agent/frame.js';
import { Receive, STDERR, STDOUT } from '../../../src/agent/messages.js';
import type { Transport, TransportHandlers } from '../../../src/agent/transport.js';
import type { CommandHost } from '../../../src/command/command.js';
import { CommandHandle } from '../../../src/command/command-handle.js';
import * as config from '../../../src/config.js';

const HELLO = {
  leaseMs: 0,
  lifetimeMs: 0,
  workspace: '/workspace',
  defaultUser: '',
  shareWorkspace: false,
  resettable: false,
};
/** version 1, no capabilities, 512 streams, and two empty names. */
const READY = encodeFrame(0, Receive.READY, Buffer.from([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
const STARTED = encodeFrame(1, Receive.STARTED, Buffer.from([7, 0, 0, 0]));

class Pipe implements Transport {
  handlers!: TransportHandlers;
  write(): void {}
  receive(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }
  destroy(): void {}
  ref(): void {}
  unref(): void {}
}

async function spawned(options: { pty?: boolean }) {
  const pipe = new Pipe();
  const client = new AgentClient(pipe, HELLO);
  pipe.handlers.data(READY);
  const host: CommandHost = {
    client,
    over: new Promise(() => {}),
    explainLoss: async (partial) => partial(),
    condemn: () => {},
  };
  const place = { argv: ['x'], cwd: '', user: '', env: {} };
  const starting = CommandHandle.start(host, place, config.parseOptions(config.spawnSchema, options, 'spawn'));
  pipe.handlers.data(STARTED);
  return { client, pipe, handle: await starting };
}

const end = (channel: number) => encodeFrame(1, Receive.OUTPUT_EOF, Buffer.from([channel, 0, 0, 0, 0, 0, 0, 0, 0]));

describe('CommandStreams', () => {
  it.each([
    ['stdout', Receive.STDOUT, STDOUT],
    ['stderr', Receive.STDERR, STDERR],
  ] as const)('ends the pipe where %s goes on after its end', async (_name, type, channel) => {
    const { client, pipe, handle } = await spawned({});
    pipe.handlers.data(end(channel));
    // Once more is no harm.
    pipe.handlers.data(end(channel));
    expect(client.isEnded).toBe(false);
    pipe.handlers.data(encodeFrame(1, type, Buffer.from('more')));
    expect((await client.ended).cause).toMatchObject({ code: 'protocol' });
    expect((await handle.wait()).outcome).toBe('sandbox-lost');
  });

  it('ends the pipe where a terminal has a second output', async () => {
    const { client, pipe, handle } = await spawned({ pty: true });
    pipe.handlers.data(encodeFrame(1, Receive.STDERR, Buffer.from('more')));
    expect((await client.ended).cause).toMatchObject({ code: 'protocol' });
    expect((await handle.wait()).outcome).toBe('sandbox-lost');
  });
});
