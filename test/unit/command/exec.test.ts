/** Commands whose callback hangs, and commands whose abort and sandbox's end come together. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Receive } from '../../../src/agent/messages.js';
import { deferred } from '../../../src/base/abort.js';
import { SandboxLostError } from '../../../src/base/errors.js';
import type { CommandHost } from '../../../src/command/command.js';
import { execCommand } from '../../../src/command/exec.js';
import { execSchema } from '../../../src/command/options.js';
import type { CommandResult } from '../../../src/command/outcome.js';
import { greetedClient, hostOf } from '../../helpers/fake-pipe.js';

const reason = new Error('enough');
const place = { argv: ['say'], cwd: '/workspace', user: '', env: {}, program: undefined };
/** `exited`, with code 0. */
const EXIT = new Uint8Array(68);

function world(explainLoss: CommandHost['explainLoss'] = async (partial) => partial()) {
  const { client, pipe } = greetedClient();
  const over = deferred<void>();
  const condemned: string[] = [];
  const host = { ...hostOf(client), over: over.promise, explainLoss, condemn: (why: string) => condemned.push(why) };
  const abort = new AbortController();
  const exec = (options: object = {}) =>
    execCommand(host, place, execSchema.parse({ signal: abort.signal, ...options })).then(
      (result) => result,
      (error) => error,
    );
  return { client, pipe, over, condemned, abort, exec };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a callback that hangs after the end of its command', () => {
  async function ended() {
    const running = world();
    const result = running.exec({ onStdout: () => new Promise<void>(() => {}) });
    running.pipe.says(1, Receive.STDOUT, Buffer.from('hi\n'));
    running.pipe.says(1, Receive.EXIT, EXIT);
    await turn();
    return { ...running, result };
  }

  it('does not keep an abort from being heard', async () => {
    const { abort, result } = await ended();
    abort.abort(reason);
    expect(await result).toMatchObject({ code: 'aborted', cause: reason, partial: { stdout: 'hi\n', exitCode: 0 } });
  });

  it('is not waited for when the sandbox ends', async () => {
    const { over, result } = await ended();
    over.resolve();
    expect(await result).toMatchObject({ outcome: 'exited', stdout: 'hi\n' });
  });
});

describe('an abort, and the end of the sandbox', () => {
  const closed = async (partial: () => CommandResult): Promise<CommandResult> => {
    throw new SandboxLostError('Sandbox x was closed', { closed: true, partial: partial() });
  };

  it('which come together are the abort', async () => {
    const { client, pipe, abort, exec } = world(closed);
    const running = exec();
    pipe.says(1, Receive.STDOUT, Buffer.from('hi\n'));
    abort.abort(reason);
    client.destroy();
    expect(await running).toMatchObject({
      code: 'aborted',
      cause: reason,
      details: { confirmed: false },
      partial: { outcome: 'sandbox-lost', stdout: 'hi\n' },
    });
  });

  it('of which the end came first are the end', async () => {
    const told = deferred<void>();
    const { client, abort, exec } = world(async (partial) => {
      await told.promise;
      return closed(partial);
    });
    const running = exec();
    client.destroy();
    await turn();
    abort.abort(reason);
    told.resolve();
    expect(await running).toMatchObject({ code: 'sandbox-closed' });
  });
});

describe('the longest grace', () => {
  afterEach(() => vi.useRealTimers());

  it('does not condemn the sandbox at once', () => {
    vi.useFakeTimers();
    const { abort, exec, condemned } = world();
    void exec({ killGraceMs: 2 ** 31 - 1 });
    abort.abort(reason);
    vi.advanceTimersByTime(60_000);
    expect(condemned).toEqual([]);
  });
});
