import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Channel, STDOUT } from '../../../src/agent/messages.js';
import type { AgentStream } from '../../../src/agent/stream.js';
import { PipeConnection } from '../../../src/command/pipe-connection.js';
import { CommandStreams, STREAM_WINDOW } from '../../../src/command/streams.js';

const PIECE = 32 * 1024;
const CONTENT = randomBytes(16 * STREAM_WINDOW);

/** An agent that sends CONTENT for as long as it may. */
function sender(count?: (bytes: number) => boolean) {
  const streams = new CommandStreams(true);
  let credit = STREAM_WINDOW;
  let sent = 0;
  streams.connect({
    grant: (channel: Channel, bytes: number) => {
      if (channel === STDOUT) credit += bytes;
    },
    endStdin: () => {},
  } as unknown as AgentStream);
  let resets = 0;
  const connection = new PipeConnection(streams, () => resets++, count);
  const send = async () => {
    for (; sent < CONTENT.length && credit >= PIECE; await turn()) {
      credit -= PIECE;
      streams.output(STDOUT, CONTENT.subarray(sent, sent + PIECE));
      sent += PIECE;
    }
    return sent;
  };
  return { streams, connection, send, resets: () => resets };
}

describe('PipeConnection', () => {
  it('holds no more than its window for a reader that does not read, and loses nothing', async () => {
    const { streams, connection, send } = sender();
    expect(await send()).toBeLessThanOrEqual(2 * STREAM_WINDOW);
    const read = buffer(connection);
    while ((await send()) < CONTENT.length) await turn();
    streams.eof(STDOUT);
    expect((await read).equals(CONTENT)).toBe(true);
  });

  it('stops again for a reader that stops', async () => {
    const { connection, send } = sender();
    await send();
    connection.once('data', () => connection.pause());
    await turn();
    const taken = await send();
    expect(taken).toBeLessThanOrEqual(5 * STREAM_WINDOW);
    expect(await send()).toBe(taken);
    connection.destroy();
  });

  it('ends where the end comes after everything was read, and before anything is', async () => {
    const late = sender();
    late.streams.output(STDOUT, Buffer.from('hello'));
    const read = buffer(late.connection);
    await turn();
    late.streams.eof(STDOUT);
    expect((await read).toString()).toBe('hello');

    const early = sender();
    early.streams.output(STDOUT, Buffer.from('hello'));
    early.streams.eof(STDOUT);
    await turn();
    expect((await buffer(early.connection)).toString()).toBe('hello');
  });

  it('may break while nobody listens', async () => {
    const { connection, resets } = sender();
    connection.destroy(new Error('the sandbox is gone'));
    await new Promise((resolve) => connection.once('close', resolve));
    expect(resets()).toBe(1);
  });

  it('ends once what passes is too much', async () => {
    let passed = 0;
    const { connection, send, resets } = sender((bytes) => {
      passed += bytes;
      return passed <= STREAM_WINDOW;
    });
    const read = buffer(connection);
    read.catch(() => {});
    await send();
    await expect(read).rejects.toThrow();
    expect(resets()).toBe(1);
  });
});
