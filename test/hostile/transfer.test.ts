/**
 * Battery 39–46: a hostile workspace. What a sandbox cannot make by itself but a lying agent could send — names with `..`,
 * archives cut short, endless, of a million entries (42, 43) — is in test/unit/transfer/extract.test.ts.
 */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { scaled } from '../helpers/chaos/measure.js';
import { battery } from '../helpers/hostile.js';
import { Output, rejection } from '../helpers/sandbox.js';
import { modeOf, readTree } from '../helpers/temp.js';

battery('transfer', ['runc'], (attack) => {
  attack('39 links to secrets: never read, never followed', {}, async ({ run, sandbox, target }) => {
    await run('link-secret.py');
    for (const name of ['0', '1', '2', '3']) {
      const error = await rejection(sandbox.files.read(`made/${name}`));
      expect(error).toMatchObject({ code: expect.stringMatching(/^(outside-workspace|file-not-found)$/) });
    }
    expect(await rejection(sandbox.files.list('made/4'))).toMatchObject({ code: 'outside-workspace' });
    const report = await sandbox.files.download('made', target);
    expect(report).toMatchObject({ files: 0, links: 0, refusedCount: 5 });
    expect(readdirSync(target)).toEqual([]);
    await rm(target, { recursive: true });
  });

  attack('40 a directory that is a link out: nothing is written through it', {}, async ({ run, sandbox }) => {
    await run('link-directory.py');
    const { files } = sandbox;
    for (const name of ['absolute', 'relative']) {
      for (const call of [
        () => files.write(`made/${name}/x`, 'x'),
        () => files.makeDir(`made/${name}/x`),
        () => files.remove(`made/${name}/x`, { recursive: true }),
        () => files.rename('program', `made/${name}/x`),
        () => files.upload(new URL('programs/', import.meta.url).pathname, `made/${name}`),
      ]) {
        expect(await rejection(call())).toMatchObject({ code: 'outside-workspace' });
      }
    }
    expect(await sandbox.exec('ls -A /tmp')).toMatchObject({ stdout: '' });
  });

  attack('41 a name that is directory and link in turns: no escape', { limits: { cpus: 2 } }, async (siege) => {
    const { sandbox, target } = siege;
    const racing = await siege.start('swap-names.py', [scaled(50_000, 2_000_000)]);
    await new Promise((resolve) => racing.stdout.once('data', resolve));
    let ended = false;
    const end = racing.wait().finally(() => {
      ended = true;
    });
    let downloads = 0;
    while (!ended) {
      const [result] = await Promise.allSettled([sandbox.files.download('made', target)]);
      if (result.status === 'rejected') {
        expect(result.reason.code).toMatch(/^(file-not-found|outside-workspace|not-a-|archive-|incomplete)/);
      }
      const got = existsSync(target) ? readTree(target) : {};
      expect([{}, { d: {} }, { d: { passwd: 'inside' } }]).toContainEqual(got);
      await rm(target, { recursive: true, force: true });
      downloads++;
      const read = await sandbox.files.readText('made/d/passwd').catch((error) => error.code);
      expect(read).toMatch(/^(inside|file-not-found|outside-workspace|not-a-directory)$/);
    }
    expect(await end).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(downloads).toBeGreaterThan(3);
  });

  attack('42 fifos, sockets, devices, links out: refused and reported, and nothing hangs', {}, async (siege) => {
    const { sandbox, target } = siege;
    const { stdout } = await siege.run('oddities.py');
    expect(stdout.match(/^EPERM$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/(Operation not permitted|Invalid cross-device link)\n$/);
    const report = await sandbox.files.download('made', target);
    for (const name of ['fifo', 'socket']) {
      expect(await rejection(sandbox.files.read(`made/${name}`))).toMatchObject({ code: 'not-a-regular-file' });
    }
    expect(report.refused.map(({ path }) => path)).toEqual(expect.arrayContaining(['out', 'sneaky', 'up']));
    expect(readTree(target)).toEqual({ good: 'good', hard: 'good', dir: {} });
    await rm(target, { recursive: true });
  });

  attack('44 setuid and the like: stripped', {}, async ({ run, sandbox, target }) => {
    const { stdout } = await run('set-bits.py');
    expect(stdout).toBe('4755\n2755\n1777\n6777\n');
    await sandbox.files.download('made', target);
    const names = readdirSync(target);
    expect(names).toHaveLength(4);
    for (const name of names) {
      expect(modeOf(`${target}/${name}`) & ~0o755).toBe(0);
      expect(lstatSync(`${target}/${name}`).uid).toBe(process.getuid!());
    }
    await rm(target, { recursive: true });
  });

  attack('45 files that run where they land: flagged before any write', {}, async ({ run, sandbox, target }) => {
    await run('run-on-host.py');
    await sandbox.files.remove('program', { recursive: true });
    await mkdir(target);
    const plan = await sandbox.prepareCommit(target);
    expect(plan.flagged.map(({ path }) => path)).toEqual(expect.arrayContaining(['.bashrc', '.envrc', '.git/config', '.git/hooks/pre-commit', '.mcp.json', '.npmrc', '.vscode/tasks.json', 'sub/.git/hooks/post-checkout'])); // biome-ignore format: a list
    expect(await rejection(sandbox.commit(target))).toMatchObject({ code: 'commit-flagged' });
    expect(readdirSync(target)).toEqual([]);
    await rm(target, { recursive: true });
  });

  const hostilePath = { env: { PATH: '/workspace/bin:/workspace:/tmp:/usr/bin:/bin' } };
  attack('46 fake programs first in PATH: our helpers are not fooled', hostilePath, async (siege) => {
    const { sandbox, target } = siege;
    expect(await sandbox.exec(['/usr/bin/python3', '-'], { stdin: readProgram('fake-tools.py') })).toMatchObject({ stdout: 'made\n' }); // biome-ignore format: one line
    // The trap works: a command that goes by PATH falls into it.
    expect((await sandbox.exec(['ls'])).stdout).toBe('FAKE\n');
    await sandbox.files.remove('called');
    await sandbox.files.write('mine', 'mine');
    expect(await sandbox.files.readText('mine')).toBe('mine');
    await sandbox.files.rename('mine', 'dir/mine').catch(() => sandbox.files.makeDir('dir'));
    expect((await sandbox.files.list('.')).map(({ path }) => path)).toContain('bin');
    await sandbox.files.download('dir', target);
    await sandbox.diff();
    const output = new Output();
    expect((await sandbox.exec('echo from /bin/sh', { onStdout: output.take })).stdout).toBe('from /bin/sh\n');
    await sandbox.stats();
    expect(await sandbox.files.exists('called')).toBe(false);
    await rm(target, { recursive: true });
  });
});

const readProgram = (name: string) => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8');
