/** `sandbox.exec()`: outcomes, output, input, arguments, callbacks. */
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import type { Sandbox } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/audit.js';
import { everyByte, randomContent, seq, sha256 } from '../helpers/fixtures.js';
import { countProcesses, Output, rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

const python = (code: string, ...args: string[]) => ['python3', '-c', code, ...args];

describe('outcomes', () => {
  it('says exited with the code the program gave', async () => {
    const fine = await sandbox().exec('echo fine');
    expect(fine).toMatchObject({ outcome: 'exited', exitCode: 0, signal: null, stdout: 'fine\n', stderr: '' });
    const seven = await sandbox().exec('echo no >&2; exit 7');
    expect(seven).toMatchObject({ outcome: 'exited', exitCode: 7, signal: null, stdout: '', stderr: 'no\n' });
    expect(seven.failure).toBeUndefined();
  });

  it.each(['SEGV', 'TERM', 'KILL'])('says signaled when the program dies of SIG%s', async (name) => {
    const result = await sandbox().exec(`echo before; kill -${name} $$`);
    expect(result).toMatchObject({ outcome: 'signaled', exitCode: null, signal: `SIG${name}`, stdout: 'before\n' });
    expect(result.oomKilled).toBe(false);
  });

  it('says timeout and keeps what was printed by then', async () => {
    const result = await sandbox().exec('echo before; sleep 60; echo after', { timeoutMs: 1000 });
    expect(result).toMatchObject({ outcome: 'timeout', stdout: 'before\n' });
    expect(result.durationMs).toBeGreaterThanOrEqual(1000);
    // Sooner than it would have ended.
    expect(result.durationMs).toBeLessThan(60_000);
  });

  it('says output-limit when output passes the limit that kills', async () => {
    const result = await sandbox().exec('yes', { maxOutputBytes: '64k', onOutputLimit: 'kill' });
    expect(result.outcome).toBe('output-limit');
    expect(result.stdout.startsWith('y\ny\n')).toBe(true);
    expect(result.stdoutBytes).toBeGreaterThan(64 * 1024);
  });

  it('says output-limit where no output is wanted and some comes', async () => {
    const result = await sandbox().exec('echo no; sleep 320031', { maxOutputBytes: 0, onOutputLimit: 'kill' });
    expect(result).toMatchObject({ outcome: 'output-limit', stdoutBytes: 3 });
  });

  it('does not say output-limit at exactly the limit', async () => {
    const result = await sandbox().exec('head -c 65536 /dev/zero', { maxOutputBytes: '64k', onOutputLimit: 'kill' });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdoutBytes: 65_536, truncated: false });
  });

  it('reports what the tree used', async () => {
    const { usage, durationMs } = await sandbox().exec(
      python(
        'x = b"x" * (64 << 20)\nimport time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass',
      ),
    );
    expect(usage.maxRssBytes).toBeGreaterThan(64 << 20);
    expect(usage.maxRssBytes).toBeLessThan(256 << 20);
    expect(usage.cpuMs).toBeGreaterThanOrEqual(190);
    expect(durationMs).toBeGreaterThanOrEqual(190);
  });
});

describe('out of memory', () => {
  const small = useSandbox(under, { limits: { memory: '96m' } });
  const allocate = 'x = b"x" * (400 << 20)';

  it('says oom when the program itself was killed for memory', async () => {
    const result = await small().exec(python(allocate));
    expect(result).toMatchObject({ outcome: 'oom', exitCode: null, signal: 'SIGKILL', oomKilled: true });
  });

  it('says exited 0 and flags it when a child was killed and its parent went on', async () => {
    const result = await small().exec(`python3 -c '${allocate}'; echo code $?; exit 0`);
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, oomKilled: true });
    expect(result.stdout).toBe('code 137\n');
  });

  it('says signaled when it was killed by hand, whatever else ran out of memory', async () => {
    const command = await small().spawn(`python3 -c '${allocate}'; echo lived; exec sleep 310007`);
    const output = new Output();
    command.stdout.on('data', output.take);
    await output.seen('lived\n');
    await command.kill('SIGKILL');
    expect(await command.wait()).toMatchObject({ outcome: 'signaled', signal: 'SIGKILL', oomKilled: true });
  });

  it('goes on working after it', async () => {
    const result = await small().exec('echo alive');
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'alive\n', oomKilled: false });
  });
});

describe('a command that cannot start', () => {
  const failed = async (command: string[], options: Parameters<Sandbox['exec']>[1] = {}) => {
    const { outcome, exitCode, signal, failure } = await sandbox().exec(command, options);
    expect({ outcome, exitCode, signal }).toEqual({ outcome: 'spawn-failed', exitCode: null, signal: null });
    return failure;
  };

  it('names a user there is not', async () => {
    const failure = await failed(['true'], { user: 'nosuchuser' });
    expect(failure).toMatchObject({ errno: 'ENOENT', stage: 'user' });
    expect(failure?.message).toContain('nosuchuser');
  });

  it('names a directory there is not', async () => {
    const failure = await failed(['true'], { cwd: 'no/such/dir' });
    expect(failure).toMatchObject({ errno: 'ENOENT', stage: 'cwd' });
    expect(failure?.message).toContain('/workspace/no/such/dir');
  });

  it('names a command there is not, with and without a slash', async () => {
    expect(await failed(['no-such-command'])).toMatchObject({ errno: 'ENOENT', stage: 'exec' });
    const failure = await failed(['./no-such-command']);
    expect(failure).toMatchObject({ errno: 'ENOENT', stage: 'exec' });
    expect(failure?.message).toContain('./no-such-command');
  });

  it('refuses a directory as command', async () => {
    expect(await failed(['/usr'])).toMatchObject({ errno: 'EACCES', stage: 'exec' });
  });

  it('refuses a file that is not executable', async () => {
    await sandbox().files.write('plain.sh', '#!/bin/sh\necho no\n', { mode: 0o644 });
    expect(await failed(['./plain.sh'])).toMatchObject({ errno: 'EACCES', stage: 'exec' });
  });

  it('says that the interpreter of a script is missing', async () => {
    await sandbox().files.write('bad.sh', '#!/no/such/interpreter\n', { mode: 0o755 });
    await sandbox().files.write('windows.sh', '#!/bin/sh\r\necho no\r\n', { mode: 0o755 });
    for (const script of ['./bad.sh', './windows.sh']) {
      const message = expect.stringMatching(/^'.*': no such file or directory, or .* #! line .* \\r\)$/);
      expect(await failed([script])).toMatchObject({ errno: 'ENOENT', stage: 'exec', message });
    }
    expect((await failed(['no-such-command']))?.message).toBe("'no-such-command': no such file or directory");
  });

  it('refuses a file that is no program', async () => {
    await sandbox().files.write('garbage', everyByte(), { mode: 0o755 });
    const message = expect.stringContaining('a script needs a #! line');
    expect(await failed(['./garbage'])).toMatchObject({ errno: 'ENOEXEC', stage: 'exec', message });
  });

  it('says E2BIG for an argument the kernel does not take', async () => {
    expect(await failed(['true', 'x'.repeat(128 * 1024)])).toMatchObject({ errno: 'E2BIG', stage: 'exec' });
  });
});

describe('output', () => {
  it('keeps every byte as it is, on both channels', async () => {
    const result = await sandbox().exec(
      python('import sys; b = bytes(range(256)); sys.stdout.buffer.write(b); sys.stderr.buffer.write(b[::-1])'),
      { encoding: 'buffer' },
    );
    expect(Buffer.from(result.stdout)).toEqual(everyByte());
    expect(Buffer.from(result.stderr)).toEqual(everyByte().reverse());
    expect(result).toMatchObject({ stdoutBytes: 256, stderrBytes: 256, truncated: false });
  });

  it('keeps 1 MiB of random bytes exactly', async () => {
    const content = randomContent(1024 * 1024);
    const copyTwice = 'import sys; b = sys.stdin.buffer.read(); sys.stdout.buffer.write(b); sys.stderr.buffer.write(b)';
    const result = await sandbox().exec(python(copyTwice), { stdin: content, encoding: 'buffer' });
    expect(sha256(result.stdout)).toBe(sha256(content));
    expect(sha256(result.stderr)).toBe(sha256(content));
    expect(result.truncated).toBe(false);
  });

  it('joins a character that came in two pieces', async () => {
    const output = new Output();
    const result = await sandbox().exec(`printf '\\342\\202'; sleep 0.2; printf '\\254'`, { onStdout: output.take });
    expect(result.stdout).toBe('€');
    expect(output.text).toBe('€');
  });

  it('keeps head and tail of what is too long, and counts the rest exactly', async () => {
    const all = seq(100_000);
    const result = await sandbox().exec('seq 1 100000; seq 1 100000 >&2', { maxOutputBytes: 1000 });
    const omitted = all.length - 1000;
    const expected = `${all.slice(0, 500)}\n[... ${omitted} bytes left out ...]\n${all.slice(-500)}`;
    expect(result.stdout).toBe(expected);
    expect(result.stderr).toBe(expected);
    expect(result).toMatchObject({ stdoutBytes: all.length, stderrBytes: all.length, truncated: true });
  });

  it('keeps the same head and tail when a callback has seen all of it', async () => {
    const all = seq(100_000);
    const output = new Output();
    const result = await sandbox().exec('seq 1 100000', { maxOutputBytes: 1000, onStdout: output.take });
    expect(output.text).toBe(all);
    expect(result.stdout).toBe(
      `${all.slice(0, 500)}\n[... ${all.length - 1000} bytes left out ...]\n${all.slice(-500)}`,
    );
  });

  it('keeps nothing and counts all with a limit of zero', async () => {
    const result = await sandbox().exec(['seq', '1', '1000'], { maxOutputBytes: 0, encoding: 'buffer' });
    expect(result.stdout).toHaveLength(0);
    expect(result).toMatchObject({ stdoutBytes: seq(1000).length, truncated: true, exitCode: 0 });
  });

  it('counts a flood of 200 MiB without taking it into memory', async () => {
    await sandbox().exec('head -c 1m /dev/zero');
    const before = process.memoryUsage.rss();
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    const result = await sandbox().exec('head -c 200M /dev/zero; echo end');
    clearInterval(watch);
    expect(result.stdoutBytes).toBe(200 * 1024 * 1024 + 4);
    expect(result.stdout.endsWith('\0end\n')).toBe(true);
    expect(result.stdout.length).toBeLessThan(1024 * 1024 + 100);
    // The collector takes its time: what is taken for a moment counts as well, but never all of the flood.
    expect(peak - before).toBeLessThan(200 * 1024 * 1024);
  });

  it('can be written to by name, as scripts do', async () => {
    const result = await sandbox().exec('cat /dev/stdin > /dev/stdout; echo err > /dev/stderr', { stdin: 'in' });
    expect(result).toMatchObject({ exitCode: 0, stdout: 'in', stderr: 'err\n' });
  });

  it('gives the code of a program that closed its output long before its end', async () => {
    const result = await sandbox().exec('exec >&- 2>&-; sleep 0.2; exit 7');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 7, stdout: '', stderr: '' });
  });
});

describe('input', () => {
  it('is empty unless given', async () => {
    expect(await sandbox().exec('wc -c')).toMatchObject({ outcome: 'exited', stdout: '0\n' });
  });

  it('takes an empty string for an empty input', async () => {
    expect(await sandbox().exec('wc -c', { stdin: '' })).toMatchObject({ outcome: 'exited', stdout: '0\n' });
  });

  it('takes text as UTF-8, and bytes as they are', async () => {
    expect((await sandbox().exec(['cat'], { stdin: 'grüße €\n' })).stdout).toBe('grüße €\n');
    const bytes = await sandbox().exec(['cat'], { stdin: everyByte(), encoding: 'buffer' });
    expect(Buffer.from(bytes.stdout)).toEqual(everyByte());
  });

  it('takes an async iterable of text and bytes, in order', async () => {
    async function* source() {
      yield 'one ';
      yield Buffer.from('two ');
      yield '';
      yield 'three';
    }
    expect((await sandbox().exec(['cat'], { stdin: source() })).stdout).toBe('one two three');
  });

  it('carries 50 MiB in and out unchanged', async () => {
    const content = randomContent(50 * 1024 * 1024);
    const seen = createHash('sha256');
    let bytes = 0;
    const result = await sandbox().exec(['cat'], {
      stdin: content,
      encoding: 'buffer',
      onStdout: (chunk) => {
        bytes += chunk.length;
        seen.update(chunk);
      },
    });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdoutBytes: content.length });
    expect(bytes).toBe(content.length);
    expect(seen.digest('hex')).toBe(sha256(content));
  });

  it('may be left unread', async () => {
    const result = await sandbox().exec('head -c 1', { stdin: 'x'.repeat(4 * 1024 * 1024) });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: 'x' });
  });

  it('may come from a source that never ends, when the command does', async () => {
    let ended = false;
    async function* endless() {
      try {
        for (;;) yield 'y\n';
      } finally {
        ended = true;
      }
    }
    const result = await sandbox().exec('head -n 3', { stdin: endless() });
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'y\ny\ny\n' });
    // One turn for the source to be told.
    await sandbox().exec('true');
    expect(ended).toBe(true);
  });

  it('rejects with what the source threw, and leaves no command behind', async () => {
    async function* broken() {
      yield 'x';
      throw new Error('the source broke');
    }
    const error = await rejection(sandbox().exec('cat; sleep 310001', { stdin: broken() }));
    expect(error.message).toBe('the source broke');
    expect(await countProcesses(sandbox(), '310001')).toBe(0);
  });
});

describe('arguments and environment', () => {
  const awkward = [
    '',
    ' ',
    'two words',
    'new\nline',
    'tab\there',
    `'single' "double"`,
    '$HOME `id` $(id) ; rm -rf / & | > < * ? [a] {b} ~ # ! \\',
    '-n',
    '--',
    'grüße €  \u{1f600}',
    '\u0001\u001b[31m',
  ];

  it('arrive as they were given', async () => {
    const { stdout } = await sandbox().exec(python('import sys, json; print(json.dumps(sys.argv[1:]))', ...awkward));
    expect(JSON.parse(stdout)).toEqual(awkward);
  });

  it('arrive in the environment as they were given', async () => {
    const env = Object.fromEntries(awkward.map((value, index) => [`VALUE_${index}`, value]));
    const { stdout } = await sandbox().exec(
      python('import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("VALUE_")}))'),
      { env },
    );
    expect(JSON.parse(stdout)).toEqual(env);
  });

  it('hold a mebibyte in strings the kernel takes', async () => {
    const args = Array.from({ length: 10 }, (_, index) => String(index).repeat(104_858));
    const { outcome, stdout } = await sandbox().exec(python('import sys; print(sum(map(len, sys.argv[1:])))', ...args));
    expect({ outcome, stdout }).toEqual({ outcome: 'exited', stdout: `${1_048_580}\n` });
  });

  it('are refused with the size when they are over 4 MiB', async () => {
    const error = await rejection(sandbox().exec(['true', ...Array(50).fill('x'.repeat(100_000))]));
    expect(error).toMatchObject({ code: 'invalid-options' });
    expect(error.message).toMatch(/5\d{6} bytes/);
    expect(error.hint).toContain('stdin');
  });

  it('are refused with a NUL in them, and when there are none', async () => {
    expect((await rejection(sandbox().exec(['echo', 'a\0b']))).message).toContain('NUL');
    expect((await rejection(sandbox().exec('echo a\0b'))).message).toContain('NUL');
    expect(await rejection(sandbox().exec([]))).toMatchObject({ code: 'invalid-options' });
    expect(await rejection(sandbox().exec(['']))).toMatchObject({ code: 'invalid-options' });
    expect(await rejection(sandbox().exec(['echo', 1 as never]))).toMatchObject({ code: 'invalid-options' });
  });

  it('are a line for sh when they are a string', async () => {
    const { stdout } = await sandbox().exec('A=1; for i in a b; do echo "$i$A"; done | sort -r; echo $0');
    expect(stdout).toBe('b1\na1\n/bin/sh\n');
  });

  it('are a line whatever it begins with, and however long it is', async () => {
    expect((await sandbox().exec('-x 2>/dev/null; echo on')).stdout).toBe('on\n');
    const word = 'x'.repeat(200_000);
    expect((await sandbox().exec(`echo ${word} | wc -c`)).stdout).toBe('200001\n');
    const heredoc = `cat > long.txt <<'END'\n${word}\nEND\nwc -c < long.txt; rm long.txt; ls /run/ripcord`;
    expect((await sandbox().exec(['bash', '-c', heredoc])).stdout).toBe('200001\n0\n');
    const command = await sandbox().spawn(`wc -c; : ${word}`, { stdin: 'pipe' });
    command.stdin!.end('abc');
    expect(await text(command.stdout)).toBe('3\n');
    const argument = await sandbox().exec(['echo', word]);
    expect(argument).toMatchObject({ outcome: 'spawn-failed', failure: { errno: 'E2BIG' } });
    expect(argument.failure!.message).toMatch(/at most 128 KiB.*stdin/);
  });
});

describe('callbacks', () => {
  it('see each channel in order, and all of it', async () => {
    const out = new Output();
    const err = new Output();
    const result = await sandbox().exec('for i in 1 2 3; do echo out $i; echo err $i >&2; done', {
      onStdout: out.take,
      onStderr: err.take,
    });
    expect(out.text).toBe('out 1\nout 2\nout 3\n');
    expect(err.text).toBe('err 1\nerr 2\nerr 3\n');
    expect(result).toMatchObject({ stdout: out.text, stderr: err.text });
  });

  it('see output while the command runs', async () => {
    const output = new Output();
    const running = sandbox().exec('echo now; while ! test -e go; do sleep 0.01; done; echo then', {
      onStdout: output.take,
    });
    await output.seen('now\n');
    await sandbox().files.write('go', '');
    expect((await running).stdout).toBe('now\nthen\n');
  });

  it('get bytes with encoding buffer', async () => {
    const chunks: unknown[] = [];
    await sandbox().exec(`printf '\\377\\0'`, { encoding: 'buffer', onStdout: (chunk) => chunks.push(chunk) });
    expect(chunks.every((chunk) => chunk instanceof Uint8Array)).toBe(true);
    expect(Buffer.concat(chunks as Uint8Array[])).toEqual(Buffer.from([255, 0]));
  });

  it('hold the command up while they are at work', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let first!: () => void;
    const begun = new Promise<void>((resolve) => {
      first = resolve;
    });
    let bytes = 0;
    let atWork = 0;
    let most = 0;
    const running = sandbox().exec('rm -f finished; head -c 8M /dev/zero; touch finished', {
      encoding: 'buffer',
      onStdout: async (chunk) => {
        most = Math.max(most, ++atWork);
        first();
        await gate;
        bytes += chunk.length;
        atWork--;
      },
    });
    await begun;
    // Dozens of other commands later it has not got any further.
    for (let i = 0; i < 40; i++) expect((await sandbox().exec('test -e finished')).exitCode).toBe(1);
    release();
    expect(await running).toMatchObject({ outcome: 'exited', exitCode: 0, stdoutBytes: 8 * 1024 * 1024 });
    expect(bytes).toBe(8 * 1024 * 1024);
    expect(most).toBe(1);
    expect((await sandbox().exec('test -e finished')).exitCode).toBe(0);
  });

  it.each(['throw', 'reject'])('kill the command when they %s, and the call rejects with that', async (how) => {
    const error = await rejection(
      sandbox().exec('echo x; sleep 310002', {
        onStdout: () => {
          if (how === 'throw') throw new Error('not in the mood');
          return Promise.reject(new Error('not in the mood'));
        },
      }),
    );
    expect(error.message).toBe('not in the mood');
    expect(await countProcesses(sandbox(), '310002')).toBe(0);
  });
});

describe('a process tree', () => {
  /** Leaves the session, forks twice, ignores SIGTERM: what no signal to a group would reach. */
  const runaways = (marker: string) => `
    trap '' TERM
    setsid sh -c 'sleep ${marker} & sleep ${marker} &' &
    (setsid sleep ${marker} &)
    sleep ${marker} &
    echo up
    sleep ${marker}`;

  it('is dead to the last escaped process after a timeout, 25 of 25', async () => {
    for (let round = 0; round < 25; round++) {
      const result = await sandbox().exec(runaways('310003'), { timeoutMs: 60, killGraceMs: 20 });
      expect(result.outcome).toBe('timeout');
      expect(await countProcesses(sandbox(), '310003')).toBe(0);
    }
  });

  it('is dead to the last escaped process after an abort, 25 of 25', async () => {
    for (let round = 0; round < 25; round++) {
      const output = new Output();
      const abort = new AbortController();
      const running = sandbox().exec(runaways('310004'), {
        signal: abort.signal,
        killGraceMs: 20,
        onStdout: output.take,
      });
      await output.seen('up\n');
      abort.abort();
      expect(await rejection(running)).toMatchObject({ name: 'TaskAbortedError', details: { confirmed: true } });
      expect(await countProcesses(sandbox(), '310004')).toBe(0);
    }
  });

  it('ends with its command: what was left in the background is killed and counted', async () => {
    const result = await sandbox().exec('sleep 310005 & sleep 310005 & setsid sleep 310005 & echo done');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: 'done\n', backgroundKilled: 3 });
    expect(await countProcesses(sandbox(), '310005')).toBe(0);
    expect((await sandbox().exec('true')).backgroundKilled).toBe(0);
  });

  it('returns although a background process holds the output open', async () => {
    const result = await sandbox().exec('sleep 310006 & echo done; exit 3', { timeoutMs: 20_000 });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 3, stdout: 'done\n', backgroundKilled: 1 });
  });

  it('has the grace to say its last words', async () => {
    const result = await sandbox().exec(`trap 'echo bye; exit 3' TERM; echo up; sleep 60 & wait`, {
      timeoutMs: 1000,
      killGraceMs: 10_000,
    });
    expect(result).toMatchObject({ outcome: 'timeout', stdout: 'up\nbye\n' });
    // Its end ends the grace.
    expect(result.durationMs).toBeLessThan(11_000);
  });

  it('is told once, whether in the group of its command or in one of its own', async () => {
    const told = (name: string) => `trap 'echo ${name}' TERM; while :; do sleep 0.05; done`;
    const script = `sh -c "${told('same')}" & setsid sh -c "${told('own')}" & ${told('leader')}`;
    const result = await sandbox().exec(script, { timeoutMs: 1500, killGraceMs: 1500 });
    expect(result.outcome).toBe('timeout');
    expect(result.stdout.trim().split('\n').sort()).toEqual(['leader', 'own', 'same']);
  });

  it('cannot outrun the signal by forking', async () => {
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      const result = await sandbox().exec('b() { b | b & }; (b) & exec sleep 60', {
        timeoutMs: 300,
        killGraceMs: 30_000,
        maxOutputBytes: 1024,
      });
      expect(result.outcome).toBe('timeout');
      // No process was left, so the grace is not waited for.
      expect(performance.now() - start).toBeLessThan(30_000);
    }
  }, 60_000);

  it('has no longer than the grace', async () => {
    const result = await sandbox().exec(`trap '' TERM; echo up; sleep 60; echo survived`, {
      timeoutMs: 1000,
      killGraceMs: 300,
    });
    expect(result).toMatchObject({ outcome: 'timeout', stdout: 'up\n' });
    expect(result.durationMs).toBeGreaterThanOrEqual(1300);
    expect(result.durationMs).toBeLessThan(60_000);
  });

  it('leaves no zombie', async () => {
    await sandbox().exec('for i in $(seq 1 100); do (true &) ; done');
    const zombies = `cat /proc/[0-9]*/stat 2>/dev/null | awk '$3 == "Z"' | wc -l`;
    // The keeper of the command before may be one for a moment.
    await until(async () => (await sandbox().exec(zombies)).stdout === '0\n', 'no zombie', 2000);
  });
});

it('runs 30 commands at once, each with its own output', async () => {
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      sandbox().exec(`cat; echo ${n} >&2; exit ${n}`, { stdin: `${n} `.repeat(20_000), timeoutMs: 30_000 }),
    ),
  );
  for (const [n, result] of results.entries()) {
    expect(result).toMatchObject({ outcome: 'exited', exitCode: n, stderr: `${n}\n` });
    expect(result.stdout).toBe(`${n} `.repeat(20_000));
  }
});

it('tells what it ran, and how it ended, as events', async () => {
  const from = under.events.length;
  const result = await sandbox().exec(['echo', 'observed']);
  const seen = under.events.slice(from).filter((event) => 'sandbox' in event && event.sandbox === sandbox().id);
  expect(seen.map(({ type }) => type)).toEqual(['command.started', 'command.ended']);
  expect(seen[0]).toMatchObject({ argv: ['echo', 'observed'] });
  const { stdout, stderr, stdoutBytes, stderrBytes, truncated, ...withoutOutput } = result;
  expect({ stdout, stderr, stdoutBytes, stderrBytes, truncated }).toMatchObject({
    stdout: 'observed\n',
    stdoutBytes: 9,
  });
  expect((seen[1] as { result: unknown }).result).toEqual(withoutOutput);
  expect((seen[0] as { command: string }).command).toBe((seen[1] as { command: string }).command);
});
