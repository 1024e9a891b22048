import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { AgentClient } from '../../../src/agent/client.js';
import { encodeFrame } from '../../../src/agent/frame.js';
import { Receive } from '../../../src/agent/messages.js';
import type { Transport, TransportHandlers } from '../../../src/agent/transport.js';
import type { CommandHost } from '../../../src/command/command.js';
import { connectToPort } from '../../../src/ports/connection.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

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
const PIECE = 32 * 1024;
const MIB = 1024 ** 2;

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

it('keeps little of what an agent says about a failure without an end', async () => {
  const pipe = new Pipe();
  const client = new AgentClient(pipe, HELLO);
  pipe.handlers.data(READY);
  const host: CommandHost = {
    client,
    over: new Promise(() => {}),
    explainLoss: async (partial) => partial(),
    condemn: () => {},
  };
  const connecting = connectToPort(host, 80, { user: '', signal: undefined });
  connecting.catch(() => {});
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < 64 * MIB; sent += PIECE) {
    pipe.handlers.data(encodeFrame(1, Receive.STDERR, Buffer.alloc(PIECE)));
    await turn();
  }
  collectGarbage();
  expect(client.isEnded).toBe(false);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MIB);
  client.destroy(new Error('enough'));
  await expect(connecting).rejects.toThrow();
});
