/** Battery 19–26: disks. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { scaled } from '../helpers/chaos/measure.js';
import { battery } from '../helpers/hostile.js';
import { rejection } from '../helpers/sandbox.js';

battery('disk', ['runc', 'runsc'], (attack) => {
  attack('19 disk filled: ENOSPC, and the rest stays readable', { limits: { workspace: '16m' } }, async (siege) => {
    expect(await siege.run('fill-disk.py')).toMatchObject({ outcome: 'exited', stdout: 'ENOSPC kept\n', oomKilled: false }); // biome-ignore format: one line
    expect(await siege.sandbox.files.readText('kept')).toBe('kept');
  });

  attack('20 fallocate of 50 GiB: ENOSPC', {}, async ({ run, sandbox }) => {
    const result = await run('fallocate.py');
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'ENOSPC\n', oomKilled: false });
    expect((await sandbox.files.stat('large')).size).toBe(0);
  });

  attack(
    '21 inode bomb: ENOSPC',
    { limits: { files: 2000 } },
    async ({ run, sandbox }) => {
      const result = await run('inode-bomb.py');
      const [errno, made] = result.stdout.trim().split(' ');
      expect({ outcome: result.outcome, errno }).toEqual({ outcome: 'exited', errno: 'ENOSPC' });
      expect(Number(made)).toBeLessThan(2000);
      expect(await rejection(sandbox.files.write('one-more', ''))).toMatchObject({ code: 'no-space' });
    },
    { notOnGVisor: 'its file system knows no limit of files' },
  );

  attack('22 system directories written to: refused', {}, async ({ run, sandbox }) => {
    for (const user of sandbox.capabilities.rootSafe ? [undefined, '0'] : [undefined]) {
      const { stdout } = await run('write-root.py', [], { user });
      expect(stdout.trim().split(' ')).toEqual(expect.arrayContaining(['EROFS']));
      expect(stdout).not.toContain('could');
    }
  });

  attack('23 sparse terabyte: refused for its size, unread', {}, async ({ run, sandbox, target }) => {
    await run('sparse.py');
    for (const call of [
      () => sandbox.files.download('made', target),
      () => sandbox.files.download('made/huge', `${target}.file`),
      () => sandbox.files.read('made/huge'),
    ]) {
      // The test has no time to read a terabyte first.
      expect(await rejection(call())).toMatchObject({ code: 'file-too-large' });
    }
    expect(existsSync(`${target}.file`)).toBe(false);
    await rm(target, { recursive: true, force: true });
  });

  attack('24 directories 20,000 deep: bounded, and removed', {}, async ({ run, sandbox, target }) => {
    expect(await run('deep.py', [scaled(5000, 20_000)])).toMatchObject({ outcome: 'exited', exitCode: 0 });
    const [result] = await Promise.allSettled([sandbox.files.download('made', target)]);
    // Either side may refuse a path that is too long for the kernel.
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'name-too-long' });
    else expect(result.value.refusedCount).toBeGreaterThan(0);
    await sandbox.files.remove('made', { recursive: true });
    expect(await sandbox.files.exists('made')).toBe(false);
    await rm(target, { recursive: true, force: true });
  });

  attack('25 file names that are options, escapes, no text: round trip or refusal', {}, async (siege) => {
    const { sandbox, target } = siege;
    const { stdout } = await siege.run('names.py');
    const report = await sandbox.files.download('made', target);
    expect(report.files + report.refusedCount).toBe(Number(stdout));
    const names = (await readdir(target, { encoding: 'buffer' })).map((name) => name.toString('latin1'));
    expect(names).toHaveLength(report.files);
    expect(names).toEqual(expect.arrayContaining(['-rf', 'two\nlines', '*', '$(id)', 'esc\x1b[31m\x1b]0;title\x07']));
    expect(report.refused.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([expect.stringMatching(/UTF-8/)]),
    );
    await sandbox.files.upload(target, 'again');
    const { stdout: same } = await sandbox.exec(`cd again && for f in *; do cmp "./$f" "../made/$f" || echo differs; done; ls | wc -l`); // biome-ignore format: one line
    expect(same).not.toContain('differs');
    await rm(target, { recursive: true });
  });

  attack('26 directories without permissions: refusal, and nothing stays', {}, async ({ run, sandbox, target }) => {
    await run('locked.py');
    const error = await rejection(sandbox.files.download('made', target));
    expect(error).toMatchObject({ code: 'permission-denied' });
    await sandbox.files.remove('made', { recursive: true });
    expect(await sandbox.files.exists('made')).toBe(false);
    await rm(target, { recursive: true, force: true });
  });
});
