/** Trees between host and sandbox: upload, download, seed, diff. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Receive } from '../../src/agent/messages.js';
import type { AgentStream } from '../../src/agent/stream.js';
import { everyByte, makeTempDir, randomContent, type TempDir } from '../helpers/fixtures.js';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';
import { modeOf, readTree, writeTree } from '../helpers/temp.js';

/** The tests' sandboxes are of the compiled library. */
const STREAM = new URL('../../dist/agent/stream.js', import.meta.url).href;

const under = useManager();
const sandbox = useSandbox(under);
const files = () => sandbox().files;

let host: TempDir;
beforeAll(async () => {
  host = await makeTempDir('transfer');
});
afterAll(() => host?.remove());

const sh = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await sandbox().exec(line);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
};

describe('upload', () => {
  it('copies a tree with its contents, modes and inner links', async () => {
    const from = `${host.path}/up`;
    writeTree(from, {
      'plain.txt': 'plain',
      'empty.txt': '',
      'bytes.bin': everyByte(),
      'two words': { 'grüße\n€': 'awkward' },
      'empty-dir': {},
      inner: 'link:plain.txt',
    });
    writeFileSync(`${from}/run.sh`, '#!/bin/sh\necho ran\n');
    chmodSync(`${from}/run.sh`, 0o755);
    const report = await files().upload(from, 'up');
    expect(report).toEqual({
      files: 5,
      directories: 2,
      links: 1,
      bytes: 5 + 256 + 7 + 19,
      refused: [],
      refusedCount: 0,
    });
    expect(await files().readText('up/plain.txt')).toBe('plain');
    expect(await files().read('up/bytes.bin')).toEqual(everyByte());
    expect(await files().readText('up/two words/grüße\n€')).toBe('awkward');
    expect((await files().stat('up/empty-dir')).kind).toBe('directory');
    expect(await sh('readlink up/inner; up/run.sh; stat -c %u up/run.sh')).toBe(
      `plain.txt\nran\n${sandbox().parts.user.split(':')[0]}\n`,
    );
  });

  it('leaves out what patterns and .gitignore files name', async () => {
    const from = writeTree(`${host.path}/ignored`, {
      'keep.ts': 'keep',
      'drop.log': 'drop',
      node_modules: { pkg: { 'index.js': 'drop' } },
      src: { 'a.ts': 'keep', 'a.tmp': 'drop', '.gitignore': '*.tmp\n' },
    });
    const report = await files().upload(from, 'ignored', { ignore: ['node_modules/', '*.log'], gitignore: true });
    const names = (await files().list('ignored', { depth: 9 })).map(({ path }) => path);
    expect(names).toEqual(['keep.ts', 'src', 'src/.gitignore', 'src/a.ts']);
    expect(report.files).toBe(3);
    await files().upload(from, 'all');
    expect((await files().list('all', { depth: 9 })).map(({ path }) => path)).toContain('node_modules/pkg/index.js');
  });

  it('reports what it cannot carry over, and carries the rest', async () => {
    const from = writeTree(`${host.path}/refused`, { 'good.txt': 'good', dir: {} });
    execFileSync('mkfifo', [`${from}/fifo`]);
    symlinkSync(Buffer.from('to-\xff', 'latin1'), `${from}/bytes`);
    expect(await files().upload(from, 'refused')).toEqual({
      files: 1,
      directories: 1,
      links: 0,
      bytes: 4,
      refused: expect.arrayContaining([
        { path: 'bytes', reason: 'link target is not UTF-8' },
        { path: 'fifo', reason: 'not a file, directory or link' },
      ]),
      refusedCount: 2,
    });
    expect((await files().list('refused')).map(({ path }) => path)).toEqual(['dir', 'good.txt']);
  });

  it('keeps links as text, wherever they lead, and follows none of them', async () => {
    const links = { out: '/etc/passwd', up: '../up', nowhere: 'not-there', inside: 'good.txt', itself: 'itself' };
    const tree = Object.fromEntries(Object.entries(links).map(([name, to]) => [name, `link:${to}`]));
    const from = writeTree(`${host.path}/links`, { 'good.txt': 'good', ...tree });
    const report = await files().upload(from, 'links');
    expect(report).toEqual({ files: 1, directories: 0, links: 5, bytes: 4, refused: [], refusedCount: 0 });
    const found = (await files().list('links')).filter(({ kind }) => kind === 'link');
    expect(Object.fromEntries(found.map(({ path, linkTarget }) => [path, linkTarget]))).toEqual(links);
    // A later upload writes through none of them either.
    const over = writeTree(`${host.path}/over`, { up: { file: 'mine' } });
    expect(await rejection(files().upload(over, 'links'))).toMatchObject({ code: 'not-a-directory' });
    // A download keeps links of the seed only, and refuses these where they lead out.
    const { refused } = await files().download('links', `${host.path}/links-back`);
    expect(refused.map(({ path }) => path).sort()).toEqual(['out', 'up']);
  });

  it('an archive’s links that lead out are refused, unless they are asked for', async () => {
    await files().makeDir('from');
    await sandbox().exec('ln -s /etc/passwd from/out');
    const archive = async () => files().readArchive('from');
    expect(await rejection(files().writeArchive('to', await archive()))).toMatchObject({ code: 'outside-workspace' });
    await files().writeArchive('to', await archive(), { keepLinks: true });
    expect(await files().stat('to/out', { follow: false })).toMatchObject({ kind: 'link', linkTarget: '/etc/passwd' });
  });

  it('copies a single file, to a name or into a directory', async () => {
    writeFileSync(`${host.path}/single.sh`, '#!/bin/sh\necho single\n');
    chmodSync(`${host.path}/single.sh`, 0o750);
    const report = await files().upload(`${host.path}/single.sh`, 'renamed.sh');
    expect(report).toEqual({ files: 1, directories: 0, links: 0, bytes: 22, refused: [], refusedCount: 0 });
    await files().upload(`${host.path}/single.sh`);
    await files().upload(`${host.path}/single.sh`, 'into/');
    expect(await sh('./renamed.sh; ./single.sh; into/single.sh; stat -c %a renamed.sh')).toBe(
      'single\nsingle\nsingle\n750\n',
    );
  });

  it('merges into what is there and replaces files', async () => {
    await sh('mkdir -p merged; echo old > merged/a; echo kept > merged/b');
    const from = writeTree(`${host.path}/merged`, { a: 'new', c: 'added' });
    await files().upload(from, 'merged');
    expect(await sh('cat merged/a merged/b merged/c')).toBe('newkept\nadded');
  });

  it('refuses what is larger than allowed, whether a tree or a file', async () => {
    const from = writeTree(`${host.path}/large`, { a: 'x'.repeat(600), b: 'x'.repeat(600) });
    expect(await rejection(files().upload(from, 'large', { maxBytes: 1000 }))).toMatchObject({
      code: 'file-too-large',
    });
    expect(await rejection(files().upload(from, 'large', { maxEntries: 1 }))).toMatchObject({
      code: 'too-many-entries',
    });
    expect(await rejection(files().upload(`${from}/a`, 'large.txt', { maxBytes: 599 }))).toMatchObject({
      code: 'file-too-large',
    });
    expect(await files().exists('large')).toBe(false);
    expect(await files().exists('large.txt')).toBe(false);
  });

  it('says what it cannot find', async () => {
    const error = await rejection(files().upload(`${host.path}/not-there`, 'x'));
    expect(error).toMatchObject({ code: 'invalid-options' });
    expect(error.message).toContain('not-there');
  });

  it('refuses what is no file, without waiting for it', async () => {
    expect(await rejection(files().upload('/dev/zero', 'zero'))).toMatchObject({ code: 'invalid-options' });
  });

  it('opens nothing when it is refused: no descriptor stays behind', async () => {
    writeFileSync(`${host.path}/small`, 'x');
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 20; i++) {
      const refused = files().upload(`${host.path}/small`, 'small', { signal: AbortSignal.abort() });
      expect(await rejection(refused)).toMatchObject({ name: 'TaskAbortedError' });
    }
    expect(open()).toBeLessThan(before + 10);
  });

  it('refuses a target outside the workspace, by path or by link', async () => {
    const from = writeTree(`${host.path}/target`, { a: 'x' });
    expect(await rejection(files().upload(from, '../etc'))).toMatchObject({ code: 'outside-workspace' });
    await sh('ln -sfn /tmp escape');
    expect(await rejection(files().upload(from, 'escape'))).toMatchObject({ code: 'outside-workspace' });
    expect(await sh('ls /tmp')).not.toContain('a');
  });

  it('says so when the workspace is full', async () => {
    const tiny = await under.manager.create({ limits: { workspace: '1m' } });
    const from = writeTree(`${host.path}/full`, { big: randomContent(2 * 1024 * 1024) });
    expect(await rejection(tiny.files.upload(from, 'full'))).toMatchObject({ name: 'FileError', code: 'no-space' });
    await tiny.close();
  });
});

describe('download', () => {
  it('brings a tree back as it was', async () => {
    const tree = { 'a.txt': 'a', sub: { 'b.bin': 'b\n', empty: {} }, link: 'link:sub/b.bin' };
    await files().upload(writeTree(`${host.path}/back`, tree), 'back');
    await sh('chmod 755 back/a.txt; chmod 4777 back/sub/b.bin');
    const report = await files().download('back', `${host.path}/back-again`);
    expect(readTree(`${host.path}/back-again`)).toEqual(tree);
    expect(modeOf(`${host.path}/back-again/a.txt`)).toBe(0o755);
    // No setuid, nothing others may write.
    expect(modeOf(`${host.path}/back-again/sub/b.bin`) & ~0o755).toBe(0);
    expect(report).toMatchObject({ files: 2, links: 1, bytes: 3, refused: [], refusedCount: 0 });
  });

  it('carries 2,000 small files both ways', async () => {
    const tree: Record<string, string> = {};
    for (let i = 0; i < 2000; i++) tree[`file-${i}.txt`] = `content ${i}`;
    const report = await files().upload(writeTree(`${host.path}/many`, tree), 'many');
    expect(report.files).toBe(2000);
    const back = await files().download('many', `${host.path}/many-back`);
    expect(back).toMatchObject({ files: 2000, refusedCount: 0 });
    expect(readTree(`${host.path}/many-back`)).toEqual(tree);
  });

  it('brings a single file, with the directories it needs', async () => {
    await files().write('one.bin', everyByte());
    const report = await files().download('one.bin', `${host.path}/some/where/one.bin`);
    expect(report).toMatchObject({ files: 1, bytes: 256 });
    expect(readFileSync(`${host.path}/some/where/one.bin`)).toEqual(everyByte());
    expect(Object.keys(readTree(`${host.path}/some/where`))).toEqual(['one.bin']);
  });

  it('leaves nothing out, whatever it is called', async () => {
    await sh('mkdir -p names/.ripcord; echo x > names/.ripcord/mine; echo x > .ripcord-mine');
    await files().download('.', `${host.path}/whole`);
    expect(readTree(`${host.path}/whole`)).toMatchObject({
      names: { '.ripcord': { mine: 'x\n' } },
      '.ripcord-mine': 'x\n',
    });
    await sh('rm -r names .ripcord-mine');
  });

  it('refuses what is larger than allowed, and a sparse terabyte at once', async () => {
    await sh('mkdir -p large-out; head -c 600 /dev/zero > large-out/a; head -c 600 /dev/zero > large-out/b');
    const to = `${host.path}/large-out`;
    expect(await rejection(files().download('large-out', to, { maxBytes: 1000 }))).toMatchObject({
      code: 'file-too-large',
    });
    expect(await rejection(files().download('large-out', to, { maxEntries: 1 }))).toMatchObject({
      code: 'too-many-entries',
    });
    expect(await rejection(files().download('large-out/a', `${to}.a`, { maxBytes: 599 }))).toMatchObject({
      code: 'file-too-large',
    });
    expect(existsSync(`${to}.a`)).toBe(false);
    await sh('mkdir -p sparse; truncate -s 1T sparse/huge');
    expect(await rejection(files().download('sparse', `${host.path}/sparse`))).toMatchObject({
      code: 'file-too-large',
    });
    await files().remove('sparse', { recursive: true });
  });

  it('lets an operation that gave up say why, however long that is on its way', async () => {
    await sh('mkdir late && truncate -s 1T late/huge');
    const built: { AgentStream: { prototype: AgentStream } } = await import(STREAM);
    const { prototype } = built.AgentStream;
    const { receive } = prototype;
    vi.spyOn(prototype, 'receive').mockImplementation(function (this: AgentStream, type, payload) {
      if (type !== Receive.EXIT) return receive.call(this, type, payload);
      const held = Buffer.from(payload);
      setTimeout(() => receive.call(this, type, held), 50);
    });
    const kill = vi.spyOn(prototype, 'kill');
    try {
      expect(await rejection(files().download('late', `${host.path}/late`))).toMatchObject({ code: 'file-too-large' });
      expect(kill).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('says what is missing', async () => {
    expect(await rejection(files().download('not-there', `${host.path}/not-there`))).toMatchObject({
      name: 'FileError',
      code: 'file-not-found',
    });
    expect(existsSync(`${host.path}/not-there`)).toBe(false);
  });

  it('writes nothing outside its target, whatever the workspace holds, and lists what it refused', async () => {
    const canary = `${host.path}/canary`;
    writeFileSync(canary, 'untouched');
    await sh(`mkdir -p hostile/dir; cd hostile
      echo good > good.txt
      ln -s ${canary} absolute
      ln -s ../canary relative
      ln -s / root
      ln -s dir/../../canary sneaky
      mkfifo fifo
      python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
      ln good.txt hard
      printf x > "$(printf 'bad\\377name')"
      printf x > "$(printf 'esc\\033[31m')"`);
    const to = `${host.path}/hostile-out`;
    const report = await files().download('hostile', to);
    expect(readFileSync(canary, 'utf8')).toBe('untouched');
    const got = readTree(to);
    expect(got['good.txt']).toBe('good\n');
    expect(got.dir).toEqual({});
    for (const name of ['absolute', 'relative', 'root', 'sneaky', 'fifo', 'socket']) {
      expect(Object.keys(got)).not.toContain(name);
    }
    const refused = report.refused.map(({ path }) => path);
    expect(refused).toEqual(expect.arrayContaining(['absolute', 'relative', 'root', 'sneaky']));
    expect(refused.some((path) => path.startsWith('bad'))).toBe(true);
    // Text for a person does not contain control characters.
    expect(JSON.stringify(report.refused)).not.toMatch(/\\u001b|\\u00ff/);
    expect(report.refusedCount).toBe(report.refused.length);
  });

  it('does not write through a link that lies in the target already', async () => {
    const to = `${host.path}/trapped`;
    mkdirSync(to);
    mkdirSync(`${host.path}/elsewhere`);
    symlinkSync(`${host.path}/elsewhere`, `${to}/dir`);
    await sh('mkdir -p trap/dir; echo x > trap/dir/file');
    const report = await files().download('trap', to);
    expect(readTree(`${host.path}/elsewhere`)).toEqual({});
    expect(report.refusedCount).toBeGreaterThan(0);
  });

  it('fails at the first refused entry when told to', async () => {
    await sh('mkdir -p strict; ln -sf /etc/passwd strict/out');
    expect(await rejection(files().download('strict', `${host.path}/strict`, { onRefused: 'throw' }))).toMatchObject({
      code: 'archive-invalid',
    });
  });

  it('ends when the tree changes under it all the time', async () => {
    await using command = await sandbox().spawn(
      `mkdir -p race; cd race; echo up; while :; do mkdir d; echo x > d/f; rm -r d; ln -s /etc d; rm d; done 2>/dev/null`,
    );
    await new Promise((resolve) => command.stdout.once('data', resolve));
    for (let i = 0; i < 20; i++) {
      const to = `${host.path}/race-${i}`;
      await files()
        .download('race', to)
        .catch((error) => expect(error).toMatchObject({ code: expect.stringMatching(/^(file-|archive-|not-|is-a)/) }));
      if (existsSync(`${to}/d`)) expect(Object.keys(readTree(to))).toEqual(['d']);
      expect(existsSync(`${to}/d/passwd`)).toBe(false);
    }
  });
});

describe('seed and diff', () => {
  it('start from a copy, and tell exactly what changed', async () => {
    const from = writeTree(`${host.path}/seed`, {
      'same.txt': 'same',
      'edited.txt': 'before',
      'deleted.txt': 'x',
      'chmodded.sh': 'x',
      'becomes-dir': 'x',
      sub: { 'same.txt': 'same', 'gone.txt': 'x' },
      '.gitignore': 'build/\n',
      build: { 'out.o': 'left out' },
      '.git': { config: 'left out' },
    });
    await using seeded = await under.manager.create({ workspace: { mode: 'copy', seed: from } });
    expect(await seeded.diff()).toEqual([]);
    expect((await seeded.exec('cat same.txt; ls -A; stat -c %u:%g edited.txt')).stdout).toBe(
      `same.gitignore\nbecomes-dir\nchmodded.sh\ndeleted.txt\nedited.txt\nsame.txt\nsub\n${seeded.parts.user}\n`,
    );
    const changed = await seeded.exec(`
      echo after > edited.txt
      rm deleted.txt sub/gone.txt
      chmod 755 chmodded.sh
      rm becomes-dir; mkdir becomes-dir; echo x > becomes-dir/file
      mkdir new; echo new > new/file; ln -s file new/link
      echo same-content > same2.txt
      touch same.txt
      mv same2.txt renamed.txt`);
    expect(changed.exitCode).toBe(0);
    const changes = await seeded.diff();
    expect(changes.map(({ path, change, kind }) => `${change} ${kind} ${path}`)).toEqual([
      'type-changed directory becomes-dir',
      'added file becomes-dir/file',
      'mode-changed file chmodded.sh',
      'deleted file deleted.txt',
      'modified file edited.txt',
      'added directory new',
      'added file new/file',
      'added link new/link',
      'added file renamed.txt',
      'deleted file sub/gone.txt',
    ]);
    // The seed on the host is as it was.
    expect(readFileSync(`${from}/edited.txt`, 'utf8')).toBe('before');
    expect(existsSync(`${from}/new`)).toBe(false);
  });

  it('show nothing that is ours, and all that is not', async () => {
    await using seeded = await under.manager.create({ workspace: { mode: 'copy' } });
    await seeded.exec('echo x > ~/file; echo x > $TMPDIR/file; pip --version');
    await seeded.runCode('print(1)');
    expect(await seeded.diff()).toEqual([]);
    await seeded.exec('echo x > .ripcord');
    expect(await seeded.diff()).toMatchObject([{ path: '.ripcord', change: 'added' }]);
  });

  it('leave out what the patterns name, and take in .git when asked', async () => {
    const from = writeTree(`${host.path}/seed-ignore`, { a: 'x', 'b.log': 'x', '.git': { HEAD: 'x' } });
    await using seeded = await under.manager.create({
      workspace: { mode: 'copy', seed: { from, ignore: ['*.log'], gitignore: false } },
    });
    const names = (await seeded.files.list('.', { depth: 9 })).map(({ path }) => path);
    expect(names).toEqual(['.git', '.git/HEAD', 'a']);
  });

  it('say what is wrong with a seed, and leave nothing', async () => {
    const error = await rejection(
      under.manager.create({ workspace: { mode: 'copy', seed: `${host.path}/no-such-seed` } }),
    );
    expect(error.message).toContain('no-such-seed');
    expect(error).toMatchObject({ code: 'seed-invalid' });
  });
});
