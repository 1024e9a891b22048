/** Processes that a command leaves running have some time to end by themselves, and their output arrives. */
import { runTests, type TaskAbortedError } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { countProcesses, Output, rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under, { image: 'python', warm: true });

/** The longest drain there is: one that lasts to its end fails the test, or takes it long. */
const LONG_MS = 60_000;

describe('the drain', () => {
  it('lets the output of a process substitution arrive, every time', async () => {
    const outputs: string[] = [];
    for (let i = 0; i < 20; i++) {
      const { stdout, backgroundKilled } = await sandbox().exec(['bash', '-c', 'exec > >(cat); echo hello']);
      outputs.push(`${stdout}${backgroundKilled}`);
    }
    expect(outputs).toEqual(Array(20).fill('hello\n0'));
    const script = 'seq 200000 > >(gzip > f.gz)\nseq 1000 > >(tee log > /dev/null)';
    const code = await sandbox().runCode(script, { language: 'bash', drainMs: LONG_MS });
    expect(code).toMatchObject({ outcome: 'exited', exitCode: 0, backgroundKilled: 0 });
    const check = await sandbox().exec('gzip -t f.gz && zcat f.gz | tail -n 1; tail -n 1 log; rm f.gz log');
    expect(check.stdout).toBe('200000\n1000\n');
  });

  it('lets Python’s resource tracker remove the shared memory of a program that ended', async () => {
    const code = `from multiprocessing import shared_memory
import os
shared_memory.SharedMemory(create=True, size=1000)
print(len(os.listdir('/dev/shm')), flush=True)
os._exit(0)`;
    for (const warm of [false, true]) {
      const result = await sandbox().runCode(code, { warm, drainMs: LONG_MS });
      expect(result).toMatchObject({ stdout: '1\n', exitCode: 0, backgroundKilled: 0 });
      expect((await sandbox().exec('ls /dev/shm')).stdout).toBe('');
    }
  });

  it('is over at once when nothing is left, for spawn and in a fork of a warm interpreter, too', async () => {
    await sandbox().warmUp();
    const drainMs = LONG_MS;
    expect((await sandbox().exec(['true'], { drainMs })).outcome).toBe('exited');
    const helper = `import subprocess
subprocess.Popen(['sh', '-c', 'while kill -0 $0 2>/dev/null; do :; done; echo late', str(__import__('os').getpid())])
print('first', flush=True)`;
    const warm = await sandbox().runCode(helper, { drainMs });
    expect(warm).toMatchObject({ stdout: 'first\nlate\n', backgroundKilled: 0, warm: true });
    await using spawned = await sandbox().spawn('(sleep 0.1; echo late) & echo first', { drainMs });
    const output = new Output();
    spawned.stdout.on('data', output.take);
    expect(await spawned.wait()).toMatchObject({ outcome: 'exited', backgroundKilled: 0 });
    await output.seen('first\nlate\n');
  });

  it('ends with the kill of what is left, which is counted; with 0 at once', async () => {
    const writes = 'trap "" PIPE; (while :; do echo 310050; sleep 0.01; done) & exit 3';
    for (const options of [{}, { drainMs: 0 }]) {
      const result = await sandbox().exec(writes, options);
      expect(result).toMatchObject({ outcome: 'exited', exitCode: 3 });
      expect(result.backgroundKilled).toBeGreaterThan(0);
    }
    const error = await rejection(sandbox().exec('true', { drainMs: LONG_MS + 1 }));
    expect(error).toMatchObject({ code: 'invalid-options', message: expect.stringContaining('drainMs') });
  });

  it('is cut short by a time limit, which changes nothing of the end, and by an abort, which is one', async () => {
    const limited = await sandbox().exec('sleep 310051 & exit 3', { timeoutMs: 1000, drainMs: LONG_MS });
    expect(limited).toMatchObject({ outcome: 'exited', exitCode: 3, backgroundKilled: 1 });
    const abort = new AbortController();
    const output = new Output();
    const watch = '(trap "" TERM; while kill -0 $$ 2>/dev/null; do :; done; echo over; exec sleep 310052) & exit 3';
    const options = { drainMs: LONG_MS, killGraceMs: LONG_MS, signal: abort.signal, onStdout: output.take };
    const running = sandbox().exec(watch, options);
    running.catch(() => {});
    await output.seen('over');
    abort.abort(new Error('enough'));
    const error = await rejection<TaskAbortedError>(running);
    expect(error).toMatchObject({ name: 'TaskAbortedError', partial: { exitCode: 3, backgroundKilled: 1 } });
    expect(await countProcesses(sandbox(), '310052')).toBe(0);
  });
});

describe('runTests', () => {
  const suite = (left: string) => ({
    kind: 'command' as const,
    command: ['sh', '-c', `${left}\nprintf 'TAP version 13\\nok 1 - a\\n1..1\\n'`],
    report: 'tap' as const,
    expect: 1,
  });

  it('passes tests whose helpers end by themselves, and fails those that leave one running', async () => {
    const drained = await runTests(sandbox(), suite('(sleep 0.01) &'));
    expect(drained).toMatchObject({ passed: true });
    const left = await runTests(sandbox(), suite('sleep 310053 &'));
    expect(left).toMatchObject({ passed: false, reason: expect.stringMatching(/left 1 processes running/) });
  });
});
