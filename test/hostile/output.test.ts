/** Battery 27–38: what is printed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { scaled } from '../helpers/chaos/measure.js';
import { battery } from '../helpers/hostile.js';
import { countProcesses, rejection } from '../helpers/sandbox.js';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const LIMIT = 64 * 1024;

battery('output', ['runc', 'runsc'], (attack) => {
  attack('27 a flood: counted, cut, never in memory', { limits: { cpus: 2 } }, async ({ run, gVisor }) => {
    // gVisor traces every system call where the machine has no better way.
    const bytes = gVisor ? scaled(64 * MiB, GiB) : scaled(512 * MiB, 50 * GiB);
    const result = await run('flood.sh', [bytes], { maxOutputBytes: LIMIT });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdoutBytes: bytes, truncated: true });
    expect(result.stdout.length).toBeLessThan(LIMIT + 100);
  });

  attack('28 one endless line: the same', { limits: { cpus: 2 } }, async ({ run, gVisor }) => {
    const bytes = scaled(gVisor ? 32 : 256, 1024) * MiB;
    const result = await run('long-line.sh', [bytes], { maxOutputBytes: LIMIT });
    expect(result).toMatchObject({ outcome: 'exited', stdoutBytes: bytes, truncated: true });
    expect(result.stdout).toMatch(/^x+\n\[\.\.\. \d+ bytes left out \.\.\.\]\nx+$/);
  });

  attack('29 a flood on stderr: stdout stays whole', {}, async ({ run }) => {
    const result = await run('stderr-flood.sh', [64 * MiB], { maxOutputBytes: LIMIT });
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'kept\n', stdoutBytes: 5, stderrBytes: 64 * MiB });
    expect(result.stderr.length).toBeLessThan(LIMIT + 100);
  });

  attack(
    '30 writes of one byte: less than one processor of the host',
    { limits: { cpus: 2 } },
    async ({ gVisor, run }) => {
      const writes = gVisor ? scaled(50_000, 300_000) : scaled(300_000, 5_000_000);
      const before = process.cpuUsage();
      const result = await run('dribble.py', [writes], { maxOutputBytes: LIMIT });
      const { user, system } = process.cpuUsage(before);
      expect(result).toMatchObject({ outcome: 'exited', stdoutBytes: writes });
      // Load makes the time longer, not the work more.
      expect((user + system) / 1000).toBeLessThan(result.durationMs);
    },
  );

  attack('31 a character in two pieces: one character', {}, async ({ run }) => {
    const pieces: string[] = [];
    const result = await run('split-character.sh', [], { onStdout: (text) => void pieces.push(text) });
    expect(result.stdout).toBe('€');
    expect(pieces.join('')).toBe('€');
  });

  attack('32 NUL and invalid UTF-8: bytes exact', {}, async ({ runRaw }) => {
    const { stdout } = await runRaw('noise.py');
    const every = Array.from({ length: 256 }, (_, value) => value);
    const invalid = [0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf8, 0x88, 0x80, 0x80, 0x80, 0xff];
    expect(Buffer.from(stdout)).toEqual(Buffer.from([0, 0, 0, 0, 0, ...every, ...invalid]));
  });

  attack('34 output closed, then exit 7: 7', {}, async ({ run }) => {
    expect(await run('close-output.sh')).toMatchObject({ outcome: 'exited', exitCode: 7, stdout: '', stderr: '' });
  });

  attack('35 a background process that holds the output: returns, killed, reported', {}, async ({ run, sandbox }) => {
    const result = await run('hold-output.sh');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: 'started\n', backgroundKilled: 1 });
    expect(await countProcesses(sandbox, '620035')).toBe(0);
  });

  attack('36 output that imitates our frames: is data', {}, async ({ runRaw, sandbox }) => {
    const result = await runRaw('imitate-frames.py');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 3, stdoutBytes: 256 * 4 * 49, stderrBytes: 0 });
    expect(result.stdout).toHaveLength(256 * 4 * 49);
    expect(await sandbox.exec('echo alive')).toMatchObject({ stdout: 'alive\n' });
  });

  attack('37 segmentation fault: signaled', {}, async ({ run }) => {
    expect(await run('segv.py')).toMatchObject({ outcome: 'signaled', signal: 'SIGSEGV', exitCode: null });
  });

  attack(
    '38 a reader that stalls in a flood: memory flat, and the kill comes through',
    {},
    async ({ start, sandbox }) => {
      const command = await start('flood.sh', [50 * GiB]);
      await new Promise((resolve) => command.stdout.once('readable', resolve));
      await sleep(scaled(2000, 60_000));
      await command.kill();
      expect(await command.wait()).toMatchObject({ outcome: 'signaled' });
      expect(await sandbox.exec('echo alive')).toMatchObject({ stdout: 'alive\n' });
    },
  );
});

battery('output', ['runc'], (attack) => {
  attack('33 escape sequences: exact in the result, in no log, error or report', {}, async (siege) => {
    const { run, sandbox, target } = siege;
    const result = await run('escapes.py');
    expect(result.stdout).toContain('\x1b]52;');
    const report = await sandbox.files.download('made', target);
    const errors = await Promise.all([
      rejection(sandbox.files.read('made/\x1b[2J')),
      rejection(sandbox.files.download('made', target, { onRefused: 'throw' })),
      rejection(sandbox.files.download('locked', target)),
    ]);
    const shown = [JSON.stringify(report), ...errors.map(({ message }) => message)];
    expect(report.refusedCount).toBe(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    for (const text of shown) expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
  });
});
