/** A command's streams, and an agent that goes on after it has said that a channel has ended. */
import { describe, expect, it } from 'vitest';
import { Receive, STDERR, STDOUT } from '../../../src/agent/messages.js';
import { parseOptions } from '../../../src/base/parse-options.js';
import { CommandHandle } from '../../../src/command/command-handle.js';
import { spawnSchema } from '../../../src/command/options.js';
import { greetedClient, hostOf } from '../../helpers/fake-pipe.js';

async function spawned(options: { pty?: boolean }) {
  const { client, pipe } = greetedClient();
  const place = { argv: ['x'], cwd: '', user: '', env: {} };
  const starting = CommandHandle.start(hostOf(client), place, parseOptions(spawnSchema, options, 'spawn'));
  pipe.says(1, Receive.STARTED, Buffer.from([7, 0, 0, 0]));
  return { client, pipe, handle: await starting };
}

const ends = (channel: number) => Buffer.from([channel, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('CommandStreams', () => {
  it.each([
    ['stdout', Receive.STDOUT, STDOUT],
    ['stderr', Receive.STDERR, STDERR],
  ] as const)('ends the pipe where %s goes on after its end', async (_name, type, channel) => {
    const { client, pipe, handle } = await spawned({});
    pipe.says(1, Receive.OUTPUT_EOF, ends(channel));
    // A second end does no harm.
    pipe.says(1, Receive.OUTPUT_EOF, ends(channel));
    expect(client.isEnded).toBe(false);
    pipe.says(1, type, Buffer.from('more'));
    expect((await client.ended).cause).toMatchObject({ code: 'protocol' });
    expect((await handle.wait()).outcome).toBe('sandbox-lost');
  });

  it('ends the pipe where a terminal has a second output', async () => {
    const { client, pipe, handle } = await spawned({ pty: true });
    pipe.says(1, Receive.STDERR, Buffer.from('more'));
    expect((await client.ended).cause).toMatchObject({ code: 'protocol' });
    expect((await handle.wait()).outcome).toBe('sandbox-lost');
  });
});
