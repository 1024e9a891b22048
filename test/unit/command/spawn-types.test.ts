/** The types of `spawn`. The type check compiles these lines, and fails where one is wrong. */
import type { Writable } from 'node:stream';
import type { AnySandbox, CommandHandle, Sandbox } from 'ripcord-sandbox';
import type { RemoteSandbox } from 'ripcord-sandbox/client';
import { expectTypeOf, test } from 'vitest';

declare const given: { detached?: boolean; stdin?: 'pipe' | 'ignore' };

test('the stdin of a spawned command is there unless it is to be ignored', () => {
  const check = async (sandbox: Sandbox, remote: RemoteSandbox, any: AnySandbox) => {
    for (const command of [
      await sandbox.spawn('cat'),
      await sandbox.spawn('cat', { detached: true }),
      await sandbox.spawn('cat', { stdin: 'pipe' }),
    ]) {
      expectTypeOf(command.stdin).toEqualTypeOf<Writable>();
      expectTypeOf(command).toExtend<CommandHandle>();
    }
    expectTypeOf((await remote.spawn('cat')).stdin).toEqualTypeOf<Writable>();
    expectTypeOf((await any.spawn('cat')).stdin).toEqualTypeOf<Writable>();
    expectTypeOf((await sandbox.spawn('cat', { stdin: 'ignore' })).stdin).toEqualTypeOf<Writable | null>();
    expectTypeOf((await any.spawn('cat', given)).stdin).toEqualTypeOf<Writable | null>();
    expectTypeOf(sandbox).toExtend<AnySandbox>();
    expectTypeOf(remote).toExtend<AnySandbox>();
  };
  expectTypeOf(check).toBeFunction();
});
