import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Seed } from '../../../src/workspace/stage.js';
import { stageSeed } from '../../../src/workspace/stage.js';
import { modeOf, readTree, useTempDirectory, withMode, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();

/** Stages `temp('seed')` into `temp('staged')`. */
function stage(seed: Partial<Seed> = {}, signal?: AbortSignal) {
  mkdirSync(temp('staged'), { mode: 0o700, recursive: true });
  return stageSeed({ from: temp('seed'), ...seed }, temp('staged'), { signal });
}

describe('staging a seed', () => {
  it('copies files, directories and links that stay inside, and says what it copied', async () => {
    writeTree(temp('seed'), { 'a.txt': 'hello', d: { e: {}, up: 'link:../a.txt' }, big: 'x'.repeat(300_000) });
    const { manifest, refused, bytes } = await stage();
    expect(readTree(temp('staged'))).toEqual(readTree(temp('seed')));
    expect([...manifest.keys()]).toEqual(['a.txt', 'big', 'd', 'd/e', 'd/up']);
    const sha256 = createHash('sha256').update('hello').digest('hex');
    expect(manifest.get('a.txt')).toMatchObject({ kind: 'file', mode: 0o644 & ~process.umask(), size: 5, sha256 });
    expect(manifest.get('d/up')).toMatchObject({ kind: 'link', linkTarget: '../a.txt' });
    expect({ refused, bytes }).toEqual({ refused: [], bytes: 300_005 });
  });

  it('keeps permissions and times, not setuid', async () => {
    writeTree(temp('seed'), { run: 'x', suid: 'x', open: 'x', d: { f: 'x' } });
    withMode(temp('seed/run'), 0o751);
    withMode(temp('seed/suid'), 0o4755);
    withMode(temp('seed/open'), 0o666);
    withMode(temp('seed/d'), 0o555);
    for (const name of ['run', 'd']) utimesSync(temp('seed', name), 1_600_000_000, 1_600_000_000);
    utimesSync(temp('seed/open'), new Date(-5000), new Date(-5000));
    const { manifest } = await stage();
    expect(modeOf(temp('staged/run'))).toBe(0o751);
    expect(modeOf(temp('staged/suid'))).toBe(0o755);
    expect(modeOf(temp('staged/open'))).toBe(0o666);
    expect(manifest.get('suid')?.mode).toBe(0o755);
    expect(lstatSync(temp('staged/run')).mtimeMs).toBe(1_600_000_000_000);
    expect(lstatSync(temp('staged/open')).mtimeMs).toBe(-5000);
    expect(lstatSync(temp('staged/d')).mtimeMs).toBe(1_600_000_000_000);
    // The copy stays removable; the manifest knows the mode the sandbox is to see.
    expect(modeOf(temp('staged/d'))).toBe(0o755);
    expect(manifest.get('d')?.mode).toBe(0o555);
  });

  it('keeps links as text wherever they lead, and leaves out and reports special files', async () => {
    writeTree(temp('seed'), {
      abs: 'link:/etc/passwd',
      up: 'link:../x',
      d: { tricky: 'link:y/../../x', fine: 'link:../ok' },
      ok: '',
    });
    execFileSync('mkfifo', [temp('seed/fifo')]);
    const server = net.createServer().listen(temp('seed/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { refused, manifest } = await stage();
      expect(refused.map(({ path }) => path).sort()).toEqual(['fifo', 'socket']);
      expect([...manifest.keys()]).toEqual(['abs', 'd', 'd/fine', 'd/tricky', 'ok', 'up']);
      expect(readTree(temp('staged'))).toEqual({
        abs: 'link:/etc/passwd',
        up: 'link:../x',
        d: { tricky: 'link:y/../../x', fine: 'link:../ok' },
        ok: '',
      });
    } finally {
      server.close();
    }
  });

  it('throws at those, by name, when asked to', async () => {
    mkdirSync(temp('seed'));
    execFileSync('mkfifo', [temp('seed/evil\n')]);
    await expect(stage({ onRefused: 'throw' })).rejects.toMatchObject({
      code: 'seed-invalid',
      message: 'Refused evil\\n: not a file, directory or link',
    });
  });

  it('reports names that are not UTF-8, escaped, instead of copying them under another name', async () => {
    mkdirSync(temp('seed'));
    writeFileSync(Buffer.concat([Buffer.from(temp('seed/')), Buffer.from([0x61, 0xff])]), 'x');
    const { refused } = await stage();
    expect(refused).toEqual([{ path: 'a\\xff', reason: 'name is not UTF-8' }]);
    expect(readdirSync(temp('staged'))).toEqual([]);
  });

  it('stages 20,000 files', async () => {
    for (let d = 0; d < 100; d++) {
      mkdirSync(temp('seed', `d${d}`), { recursive: true });
      for (let f = 0; f < 200; f++) writeFileSync(temp('seed', `d${d}`, `f${f}`), `${d}/${f}`);
    }
    const { manifest } = await stage();
    expect(manifest.size).toBe(20_100);
  }, 120_000);
});

describe('what a seed leaves out', () => {
  it('honours .gitignore files, deeper ones over higher ones, and leaves .git out', async () => {
    writeTree(temp('seed'), {
      '.git': { config: '' },
      '.gitignore': '*.log\n/build\nnode_modules/\n',
      'a.log': '',
      build: { out: '' },
      node_modules: { dep: { 'index.js': '' } },
      sub: {
        '.gitignore': '!keep.log\nlocal\n',
        'keep.log': '',
        'drop.log': '',
        build: { kept: '' },
        local: '',
        '.git': { HEAD: '' },
        module: { '.git': 'gitdir: elsewhere' },
      },
      local: '',
    });
    await stage();
    expect(readTree(temp('staged'))).toEqual({
      '.gitignore': expect.any(String),
      sub: { '.gitignore': expect.any(String), 'keep.log': '', build: { kept: '' }, module: {} },
      local: '',
    });
  });

  it('brings nothing back from an ignored directory', async () => {
    writeTree(temp('seed'), { '.gitignore': 'd/\n!d/keep\n', d: { keep: '', '.gitignore': '!keep' } });
    await stage();
    expect(readTree(temp('staged'))).toEqual({ '.gitignore': 'd/\n!d/keep\n' });
  });

  it("lets the caller's patterns win in both directions", async () => {
    writeTree(temp('seed'), {
      '.gitignore': 'dist\n*.txt\n',
      dist: { 'a.js': '' },
      'b.txt': '',
      src: { 'c.ts': '', 'c.test.ts': '' },
    });
    await stage({ ignore: ['!dist', '*.test.ts', '.gitignore'] });
    expect(readTree(temp('staged'))).toEqual({ dist: { 'a.js': '' }, src: { 'c.ts': '' } });
  });

  it('copies everything with gitignore: false, .git included', async () => {
    writeTree(temp('seed'), { '.git': { config: '' }, '.gitignore': '*', a: '' });
    await stage({ gitignore: false });
    expect(readTree(temp('staged'))).toEqual(readTree(temp('seed')));
  });

  it('does not follow or wait for a .gitignore that is no regular file', async () => {
    mkdirSync(temp('seed'));
    execFileSync('mkfifo', [temp('seed/.gitignore')]);
    writeTree(temp('seed'), { a: '' });
    expect((await stage()).refused).toEqual([{ path: '.gitignore', reason: 'not a file, directory or link' }]);
  });
});

describe('a seed that cannot be staged', () => {
  it.each([
    ['is not there', {}],
    ['is a file', { seed: 'x' }],
  ])('names a directory that %s', async (_title, tree) => {
    writeTree(temp('.'), tree as Record<string, string>);
    await expect(stage()).rejects.toMatchObject({
      code: 'seed-invalid',
      message: expect.stringContaining(temp('seed')),
    });
  });

  it('is refused at its limits before anything is copied', async () => {
    writeTree(temp('seed'), { a: 'xxx', b: 'xxx' });
    await expect(stage({ maxBytes: 5 })).rejects.toMatchObject({ code: 'file-too-large' });
    await expect(stage({ maxEntries: 1 })).rejects.toMatchObject({ code: 'too-many-entries' });
    expect(readdirSync(temp('staged'))).toEqual([]);
    expect((await stage({ maxBytes: 6, maxEntries: 2 })).bytes).toBe(6);
  });

  it('does not copy over what is in the way', async () => {
    writeTree(temp('seed'), { a: 'new' });
    writeTree(temp('staged'), { a: 'old' });
    await expect(stage()).rejects.toMatchObject({ name: 'FileError', code: 'file-exists', path: 'a' });
    expect(readTree(temp('staged'))).toEqual({ a: 'old' });
  });

  it('copies nothing after an abort', async () => {
    writeTree(temp('seed'), Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}`, 'x'])));
    await expect(stage({}, AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
    expect(readdirSync(temp('staged'))).toEqual([]);

    const abort = new AbortController();
    const staging = stage({}, abort.signal);
    const some = setInterval(() => {
      if (readdirSync(temp('staged')).length > 0) abort.abort(new Error('enough'));
    }, 1);
    await expect(staging).rejects.toThrow('enough');
    clearInterval(some);
    const count = readdirSync(temp('staged')).length;
    expect(count).toBeLessThan(2000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync(temp('staged'))).toHaveLength(count);
  });
});
