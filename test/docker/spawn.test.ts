/** `sandbox.spawn()`: streams, signals, terminals, letting go. */
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { everyByte, randomContent, sha256 } from '../helpers/fixtures.js';
import { countProcesses, Output, rejection, untilProcesses, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

describe('streams', () => {
  it('carry input and output while the command runs', async () => {
    const command = await sandbox().spawn('while read line; do echo "got $line"; done; echo end >&2; exit 4');
    const output = new Output();
    command.stdout.on('data', output.take);
    const errors = text(command.stderr);
    expect(command.pid).toBeGreaterThan(1);
    command.stdin!.write('one\n');
    await output.seen('got one\n');
    command.stdin!.write('two\n');
    await output.seen('got two\n');
    command.stdin!.end();
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 4, signal: null });
    expect(await errors).toBe('end\n');
    expect(output.text).toBe('got one\ngot two\n');
  });

  it('carry any bytes, as many as there are', async () => {
    const content = Buffer.concat([everyByte(), randomContent(8 * 1024 * 1024)]);
    const command = await sandbox().spawn(['cat']);
    command.stderr.resume();
    command.stdin!.end(content);
    expect(sha256(await buffer(command.stdout))).toBe(sha256(content));
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('have no input with stdin ignore', async () => {
    const command = await sandbox().spawn(['cat'], { stdin: 'ignore' });
    expect(command.stdin).toBeNull();
    command.stderr.resume();
    expect(await text(command.stdout)).toBe('');
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('tell a writer that the command does not read any more', async () => {
    const command = await sandbox().spawn('exec <&-; echo closed; sleep 320001');
    const output = new Output();
    command.stdout.on('data', output.take);
    await output.seen('closed');
    const failed = once(command.stdin!, 'error');
    const more = () => command.stdin!.write(Buffer.alloc(65_536), (error) => !error && more());
    more();
    expect((await failed)[0]).toMatchObject({ code: 'EPIPE' });
    await command.kill();
  });

  it('hold up a command whose output nobody reads, without a byte lost', async () => {
    const command = await sandbox().spawn('rm -f read-all; head -c 8M /dev/zero; touch read-all');
    command.stderr.resume();
    for (let i = 0; i < 40; i++) expect((await sandbox().exec('test -e read-all')).exitCode).toBe(1);
    expect((await buffer(command.stdout)).length).toBe(8 * 1024 * 1024);
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect((await sandbox().exec('test -e read-all')).exitCode).toBe(0);
  });

  it('stop holding it up once the reader has destroyed them', async () => {
    const command = await sandbox().spawn('head -c 8M /dev/zero; exit 6');
    command.stderr.resume();
    command.stdout.destroy();
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 6 });
  });
});

describe('the end', () => {
  it('comes to a command whose output was never read, by kill', async () => {
    const command = await sandbox().spawn(['yes', '320002']);
    await untilProcesses(sandbox(), '320002', 1);
    await command.kill();
    expect(await command.wait()).toMatchObject({ outcome: 'signaled', exitCode: null });
    expect(await countProcesses(sandbox(), '320002')).toBe(0);
  });

  it('comes to the whole tree by kill', async () => {
    const command = await sandbox().spawn(`trap '' TERM; setsid sleep 320003 & (sleep 320003 &) ; sleep 320003`, {
      killGraceMs: 50,
    });
    await untilProcesses(sandbox(), '320003', 4);
    await command.kill();
    expect(await countProcesses(sandbox(), '320003')).toBe(0);
    expect(await command.wait()).toMatchObject({ outcome: 'signaled', signal: 'SIGKILL' });
  });

  it('comes by a timeout', async () => {
    const command = await sandbox().spawn(['sleep', '320004'], { timeoutMs: 150 });
    expect(await command.wait()).toMatchObject({ outcome: 'timeout' });
    expect(await countProcesses(sandbox(), '320004')).toBe(0);
  });

  it('comes by an abort, and wait() rejects with it', async () => {
    const abort = new AbortController();
    const command = await sandbox().spawn(['sleep', '320005'], { signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    const error = await rejection(command.wait());
    expect(error).toMatchObject({ name: 'TaskAbortedError', code: 'aborted', cause: reason });
    expect(await countProcesses(sandbox(), '320005')).toBe(0);
  });

  it('comes when the handle goes out of scope', async () => {
    {
      await using command = await sandbox().spawn(['sleep', '320006']);
      expect(command.pid).toBeGreaterThan(1);
      await untilProcesses(sandbox(), '320006', 1);
    }
    expect(await countProcesses(sandbox(), '320006')).toBe(0);
  });

  it('is there at once when the command cannot start', async () => {
    const command = await sandbox().spawn(['no-such-command']);
    expect(command.pid).toBeUndefined();
    expect(await command.wait()).toMatchObject({
      outcome: 'spawn-failed',
      failure: { errno: 'ENOENT', stage: 'exec' },
    });
    expect([await text(command.stdout), await text(command.stderr)]).toEqual(['', '']);
    await command.kill();
  });

  it('can be waited for by many, and long after', async () => {
    const command = await sandbox().spawn(['sh', '-c', 'exit 5']);
    const results = await Promise.all([command.wait(), command.wait()]);
    await sandbox().exec('true');
    expect([...results, await command.wait()].map(({ exitCode }) => exitCode)).toEqual([5, 5, 5]);
  });
});

describe('signals', () => {
  it('reach the program by name', async () => {
    const command = await sandbox().spawn(
      `trap 'echo usr1' USR1; trap 'exit 9' HUP; echo up; while :; do sleep 0.02; done`,
    );
    const output = new Output();
    command.stdout.on('data', output.take);
    await output.seen('up\n');
    await command.kill('SIGUSR1');
    await output.seen('usr1\n');
    await command.kill('SIGHUP');
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 9 });
  });

  it('that do not exist are refused by name', async () => {
    await using command = await sandbox().spawn(['sleep', '60']);
    expect(await rejection(command.kill('SIGNOPE'))).toMatchObject({
      code: 'invalid-options',
      message: expect.stringContaining('SIGNOPE'),
    });
  });

  it('come too late for a command that has ended, which is no error', async () => {
    const command = await sandbox().spawn(['true']);
    await command.wait();
    await command.kill('SIGTERM');
    await command.kill();
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });
});

describe('letting go', () => {
  it('closes the input, drops the output, and lets the command finish', async () => {
    const command = await sandbox().spawn('cat >/dev/null; head -c 4M /dev/zero; echo survived > detached.txt');
    command.detach();
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(await sandbox().files.readText('detached.txt')).toBe('survived\n');
  });

  it('of what a detached command leaves in the background lets it live until the sandbox ends', async () => {
    const command = await sandbox().spawn('sleep 320007 >/dev/null 2>&1 &', { detached: true });
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0, backgroundKilled: 0 });
    expect(await countProcesses(sandbox(), '320007')).toBe(1);
    // Other commands' ends do not touch it.
    expect((await sandbox().exec('true')).backgroundKilled).toBe(0);
    expect(await countProcesses(sandbox(), '320007')).toBe(1);
  });
});

describe('a terminal', () => {
  it('is one, of the size asked for', async () => {
    const command = await sandbox().spawn(
      [
        'python3',
        '-c',
        'import os, sys; print([os.isatty(fd) for fd in (0, 1, 2)], *os.get_terminal_size(), os.environ["TERM"])',
      ],
      { pty: { cols: 132, rows: 43 } },
    );
    expect(await text(command.stdout)).toBe('[True, True, True] 132 43 xterm-256color\r\n');
    expect(await text(command.stderr)).toBe('');
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('is 80 by 24 unless told otherwise', async () => {
    const command = await sandbox().spawn(['stty', 'size'], { pty: true });
    expect(await text(command.stdout)).toBe('24 80\r\n');
  });

  it('is none without the option', async () => {
    const command = await sandbox().spawn('test -t 0 || test -t 1 || echo none');
    expect(await text(command.stdout)).toBe('none\n');
  });

  it('echoes what is typed, and takes Ctrl+C and Ctrl+D', async () => {
    const command = await sandbox().spawn(`trap 'echo interrupted' INT; echo up; cat; echo "cat $?"; cat; echo end`, {
      pty: true,
    });
    const output = new Output();
    command.stdout.on('data', output.take);
    await output.seen('up');
    command.stdin!.write('hello\n');
    await output.seen('hello\r\nhello\r\n');
    command.stdin!.write('\x03');
    await output.seen('cat 130');
    command.stdin!.write('\x04');
    await output.seen('end');
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(output.text).toContain('interrupted');
  });

  it('tells the program of a new size', async () => {
    const command = await sandbox().spawn(
      [
        'python3',
        '-uc',
        // Blocked, so that one that comes before it is waited for is not lost.
        'import os, signal\nnews = {signal.SIGWINCH}\nsignal.pthread_sigmask(signal.SIG_BLOCK, news)\nprint("up")\nwhile True: signal.sigwait(news); print("now", *os.get_terminal_size())',
      ],
      { pty: { cols: 80, rows: 24 } },
    );
    const output = new Output();
    command.stdout.on('data', output.take);
    await output.seen('up');
    for (const [cols, rows] of [
      [Number.NaN, 24],
      [80, -1],
      [0, 24],
      [80, 65_536],
      [1.5, 24],
    ] as const) {
      expect(() => command.resize(cols, rows)).toThrow(/^resize: (cols|rows): /);
    }
    command.resize(100, 30);
    await output.seen('now 100 30');
    await command.kill();
    expect(await command.wait()).toMatchObject({ outcome: 'signaled' });
  });

  it('ends with the command although something in the background holds it open', async () => {
    // Told when it is in a session of its own: before that the end of the terminal's session ends it, too.
    const script = 'mkfifo up; setsid sh -c "echo >up; exec sleep 320008" & read -r _ <up; echo done';
    const command = await sandbox().spawn(script, { pty: true, timeoutMs: 20_000 });
    expect(await text(command.stdout)).toBe('done\r\n');
    expect(await command.wait()).toMatchObject({ outcome: 'exited', exitCode: 0, backgroundKilled: 1 });
    expect(await countProcesses(sandbox(), '320008')).toBe(0);
  });
});
