/** More commands at once than the sandbox has room for: they wait for their turn instead of failing. */
import { expect, it } from 'vitest';
import { rejection, useManager } from '../helpers/sandbox.js';

const under = useManager();
/** Room for four commands at once. */
const create = () => under.manager.create({ image: 'base', limits: { pids: 64 } });
/** Holds its place until the file `go` is there. */
const HOLD = 'until [ -e go ]; do sleep 0.02; done';

it('200 commands at once all run, programs with many threads, too', async () => {
  await using sandbox = await under.manager.create({ image: 'node' });
  const shells = Array.from({ length: 200 }, (_, i) => sandbox.exec(`sleep 0.01; echo ${i}`));
  const results = await Promise.all(shells);
  expect(results.map(({ stdout }) => stdout.trim())).toEqual(results.map((_, i) => String(i)));
  const threads = 'require("fs").readFile("/dev/null", () => console.log(1))';
  const programs = Array.from({ length: 24 }, () => sandbox.runCode(threads, { language: 'javascript' }));
  for (const { stdout, stderr } of await Promise.all(programs)) expect(stdout + stderr).toBe('1\n');
});

it('a time limit starts with the command; files, spawn and kill do not wait', async () => {
  await using sandbox = await create();
  const holding = Array.from({ length: 4 }, () => sandbox.exec(HOLD));
  let begun = false;
  const waiting = sandbox.exec('echo begun', { timeoutMs: 2000, onStdout: () => (begun = true) });
  // Longer than the limit of the command that waits.
  const spawned = await sandbox.spawn(['sleep', '2.5']);
  expect(await spawned.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
  const killed = await sandbox.spawn(['sleep', '60']);
  await killed.kill();
  expect(begun).toBe(false);
  await sandbox.files.write('go', '');
  expect(await waiting).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: 'begun\n' });
  for (const { outcome } of await Promise.all(holding)) expect(outcome).toBe('exited');
});

it('an abort and the end of the sandbox end the wait', async () => {
  await using sandbox = await create();
  const holding = Array.from({ length: 4 }, () => sandbox.exec(HOLD));
  const abort = new AbortController();
  const waiting = sandbox.exec('echo no', { signal: abort.signal });
  const others = [sandbox.exec('echo no'), sandbox.runCode('echo no', { language: 'bash' })];
  const ended = Promise.all([
    ...holding.map((held) => held.catch(() => {})),
    ...others.map((other) => rejection(other)),
  ]);
  abort.abort(new Error('enough'));
  expect(await rejection(waiting)).toMatchObject({
    name: 'TaskAbortedError',
    message: 'Aborted before running /bin/sh',
  });
  await sandbox.close();
  for (const error of (await ended).slice(4)) expect(error).toMatchObject({ code: 'sandbox-closed' });
});
