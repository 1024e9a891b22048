/** The host's end of a pipe to an agent that is none: tests say what comes. */
import { AgentClient } from '../../src/agent/client.js';
import { encodeFrame } from '../../src/agent/frame.js';
import { Receive } from '../../src/agent/messages.js';
import type { Transport, TransportHandlers } from '../../src/agent/transport.js';
import type { CommandHost } from '../../src/command/command.js';

/** version 1, no capabilities, 512 streams, and two empty names. */
const READY = encodeFrame(0, Receive.READY, Buffer.from([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

export class FakePipe implements Transport {
  handlers!: TransportHandlers;
  write(): void {}
  receive(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }
  destroy(): void {}
  ref(): void {}
  unref(): void {}

  says(stream: number, type: number, payload: Uint8Array = new Uint8Array()): void {
    this.handlers.data(encodeFrame(stream, type, payload));
  }
}

/** A client that has been greeted. */
export function greetedClient(): { client: AgentClient; pipe: FakePipe } {
  const pipe = new FakePipe();
  const client = new AgentClient(pipe, {
    leaseMs: 0,
    lifetimeMs: 0,
    workspace: '/workspace',
    defaultUser: '',
    resettable: false,
    modes: [],
  });
  pipe.handlers.data(READY);
  return { client, pipe };
}

/** Returns the host side of a living sandbox, as commands use it. */
export const hostOf = (client: AgentClient): CommandHost => ({
  client,
  maxSockets: 0,
  over: new Promise(() => {}),
  explainLoss: async (partial) => partial(),
  condemn: () => {},
});
