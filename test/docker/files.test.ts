/** `sandbox.files`: one file at a time. Trees are in transfer.test.ts. */
import { createInterface } from 'node:readline';
import type { FileError, SandboxFiles } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { everyByte, randomContent, sha256 } from '../helpers/fixtures.js';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);
const files = () => sandbox().files;

const sh = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await sandbox().exec(line);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
};
/** Prints what inotify reports of a directory. */
const WATCH = `import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
names = {2: 'write', 4: 'chmod', 0x40: 'from', 0x80: 'to', 0x100: 'create', 0x200: 'remove'}
fd = libc.inotify_init1(0)
libc.inotify_add_watch(fd, sys.argv[1].encode(), sum(names))
print('ready', flush=True)
while True:
    data = os.read(fd, 65536)
    while data:
        _, mask, _, length = struct.unpack('iIII', data[:16])
        print(names.get(mask, hex(mask)), data[16:16 + length].rstrip(b'\\0').decode(), flush=True)
        data = data[16 + length:]
`;
const names = async (path = '.', options = {}) => (await files().list(path, options)).map((info) => info.path);

describe('write and read', () => {
  it('carry text, bytes and nothing at all', async () => {
    await files().write('text', 'grüße €\n');
    expect(await files().readText('text')).toBe('grüße €\n');
    expect(await sh('cat text')).toBe('grüße €\n');
    await files().write('bytes', everyByte());
    expect(await files().read('bytes')).toEqual(everyByte());
    await files().write('empty', '');
    expect(await files().read('empty')).toHaveLength(0);
    expect(await sh('wc -c < empty')).toBe('0\n');
  });

  it('carry 50 MiB, from a buffer and from a stream', async () => {
    const content = randomContent(50 * 1024 * 1024);
    await files().write('big', content);
    expect(await sh('sha256sum < big')).toBe(`${sha256(content)}  -\n`);
    expect(sha256(await files().read('big'))).toBe(sha256(content));
    async function* pieces() {
      for (let at = 0; at < content.length; at += 1_000_003) yield content.subarray(at, at + 1_000_003);
    }
    await files().write('big', pieces());
    expect(await sh('sha256sum < big; rm big')).toBe(`${sha256(content)}  -\n`);
  });

  it.each(['grüße-€-\u{1f600}', 'two words', 'new\nline', '-rf', '*', '.hidden', 'quote\'"quote', 'back\\slash', '~'])(
    'take the name %j',
    async (name) => {
      await files().write(`names/${name}`, name);
      expect(await files().readText(`names/${name}`)).toBe(name);
      expect(await names('names')).toContain(name);
      await files().remove(`names/${name}`);
      expect(await files().exists(`names/${name}`)).toBe(false);
    },
  );

  it('use the paths they are given: relative, absolute, not normal', async () => {
    await files().write('/workspace/paths/a', 'A');
    expect(await files().readText('paths/a')).toBe('A');
    expect(await files().readText('./paths/../paths//a')).toBe('A');
    expect(await sh('cat /workspace/paths/a')).toBe('A');
  });

  it('make missing parents, unless told not to', async () => {
    await files().write('deep/er/file', 'x');
    expect(await files().readText('deep/er/file')).toBe('x');
    const error = await rejection(files().write('none/file', 'x', { parents: false }));
    expect(error).toMatchObject({ name: 'FileError', code: 'file-not-found', errno: 'ENOENT' });
    expect(await files().exists('none')).toBe(false);
  });

  it('belong to the user of the sandbox, or to the one asked for', async () => {
    await files().write('mine', 'x');
    expect(await sh('stat -c "%u:%g %a" mine')).toBe(`${sandbox().parts.user} 644\n`);
    await files().write('/tmp/theirs', 'x', { user: '1234:1235' });
    expect(await sh('stat -c "%u:%g" /tmp/theirs')).toBe('1234:1235\n');
  });

  it('set the mode asked for, and keep that of a file replaced', async () => {
    await files().write('script', '#!/bin/sh\necho ran\n', { mode: 0o755 });
    expect(await sh('./script')).toBe('ran\n');
    await files().write('script', '#!/bin/sh\necho again\n');
    expect(await sh('./script')).toBe('again\n');
    expect((await files().stat('script')).mode).toBe(0o755);
    await files().write('script', 'x', { mode: 0o600 });
    expect((await files().stat('script')).mode).toBe(0o600);
  });

  it('append, and make the file where there is none', async () => {
    await files().write('log', 'one\n', { append: true });
    await files().write('log', 'two\n', { append: true });
    expect(await files().readText('log')).toBe('one\ntwo\n');
  });

  it('leave what is there alone with exclusive', async () => {
    await files().write('once', 'first', { exclusive: true });
    const error = await rejection(files().write('once', 'second', { exclusive: true }));
    expect(error).toMatchObject({ name: 'FileError', code: 'file-exists', errno: 'EEXIST' });
    expect(await files().readText('once')).toBe('first');
  });

  it('replace a file in one step with atomic: a reader sees the old content or the new', async () => {
    const old = 'old'.repeat(100_000);
    const young = 'new'.repeat(100_000);
    await files().write('atomic', old);
    await sh('exec 3< atomic; ln atomic kept');
    const reader = sandbox().exec(`i=0; while [ $i -lt 40 ]; do wc -c < atomic; i=$((i+1)); done | sort -u`);
    for (let i = 0; i < 5; i++) await files().write('atomic', i % 2 ? old : young, { atomic: true });
    expect((await reader).stdout).toBe('300000\n');
    // The old inode was not written into.
    expect(await files().readText('kept')).toBe(old);
  });

  it('keep the inode, so that watchers and other links of the file see the change', async () => {
    await files().write('watched/file', 'old');
    await sh('ln watched/file watched/link');
    const tail = await sandbox().spawn('exec tail -n +1 -f watched/file');
    const lines = tail.stdout[Symbol.asyncIterator]();
    expect(String((await lines.next()).value)).toBe('old');
    await files().write('watched/file', 'old and more');
    expect(String((await lines.next()).value)).toBe(' and more');
    tail.kill('SIGTERM');
    expect(await files().readText('watched/link')).toBe('old and more');
  });

  it.each([
    ['small', 10],
    ['large', 5 * 1024 ** 2],
  ])('are seen by a watcher as create, chmod, write: a %s file', async (name, size) => {
    await files().makeDir(`watched-${name}`);
    await files().write('watch.py', WATCH);
    const watcher = await sandbox().spawn(['python3', 'watch.py', `watched-${name}`]);
    const lines = createInterface(watcher.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    await files().write(`watched-${name}/file`, Buffer.alloc(size, 'a'));
    await files().write(`watched-${name}/file`, Buffer.alloc(size, 'b'));
    await files().write(`watched-${name}/end`, '');
    const seen: string[] = [];
    for (let line = await lines.next(); line.value !== 'create end'; line = await lines.next()) seen.push(line.value);
    watcher.kill('SIGKILL');
    // The kernel merges equal events only until they are read, so the repeated ones are left out here.
    expect(seen.filter((event, at) => event !== seen[at - 1])).toEqual(['create file', 'chmod file', 'write file']);
  });

  it('go through a link that stays in the workspace, and refuse one that leads out', async () => {
    await sh(
      'mkdir -p through; echo x > through/real; ln -s real through/relative; ln -s /workspace/through/real through/absolute',
    );
    await sh('ln -s /etc/passwd through/out; ln -s ../../tmp/new through/climbs');
    for (const name of ['relative', 'absolute']) {
      for (const atomic of [false, true]) {
        await files().write(`through/${name}`, `${name} ${atomic}`, { atomic });
        expect(await sh(`readlink through/${name} > /dev/null; cat through/real`)).toBe(`${name} ${atomic}`);
      }
    }
    for (const name of ['out', 'climbs']) {
      const error = await rejection(files().write(`through/${name}`, 'x'));
      expect(error).toMatchObject({ code: 'outside-workspace', errno: 'EXDEV' });
      expect((error as Error).message).toContain('leads out of the workspace');
      await sh(`test -L through/${name}`);
    }
  });

  it('refuse append together with atomic', async () => {
    const error = await rejection(files().write('x', 'x', { append: true, atomic: true }));
    expect(error).toMatchObject({ code: 'invalid-options', message: expect.stringContaining('exclude each other') });
  });

  it('change nothing when a stream is aborted in the middle', async () => {
    await files().write('half/file', 'old content');
    const abort = new AbortController();
    async function* stream() {
      for (let i = 0; i < 20; i++) {
        if (i === 10) abort.abort(new Error('halfway'));
        yield Buffer.alloc(1024 * 1024, i);
      }
    }
    const error = await rejection(files().write('half/file', stream(), { signal: abort.signal }));
    expect(error).toMatchObject({ name: 'TaskAbortedError', code: 'aborted', cause: abort.signal.reason });
    expect(await files().readText('half/file')).toBe('old content');
    expect(await names('half')).toEqual(['file']);
  });

  it('change nothing when the source of a stream throws', async () => {
    await files().write('broken/file', 'old content');
    async function* stream() {
      yield Buffer.alloc(1024 * 1024);
      throw new Error('the source broke');
    }
    expect(await rejection(files().write('broken/file', stream()))).toMatchObject({ message: 'the source broke' });
    expect(await files().readText('broken/file')).toBe('old content');
    expect(await names('broken')).toEqual(['file']);
  });

  it('run 50 at once', async () => {
    const all = Array.from({ length: 50 }, (_, n) => n);
    await Promise.all(all.map((n) => files().write(`many/${n}`, `content ${n}`)));
    const contents = await Promise.all(all.map((n) => files().readText(`many/${n}`)));
    expect(contents).toEqual(all.map((n) => `content ${n}`));
  });
});

describe('read', () => {
  it('begins at the offset', async () => {
    await files().write('digits', '0123456789');
    expect(await files().readText('digits', { offset: 7 })).toBe('789');
    expect(await files().readText('digits', { offset: 10 })).toBe('');
    expect(await files().readText('digits', { offset: 99 })).toBe('');
  });

  it('refuses what is larger than allowed, before a byte of it', async () => {
    await files().write('digits', '0123456789');
    const error = await rejection(files().read('digits', { maxBytes: 9 }));
    expect(error).toMatchObject({ name: 'FileError', code: 'file-too-large', errno: 'EFBIG' });
    expect(await files().readText('digits', { maxBytes: 10 })).toBe('0123456789');
    expect(await files().readText('digits', { maxBytes: 4, offset: 6 })).toBe('6789');
  });

  it('refuses a sparse terabyte at once', async () => {
    await sh('truncate -s 1T sparse');
    expect(await rejection(files().read('sparse'))).toMatchObject({ code: 'file-too-large' });
    await files().remove('sparse');
  });

  it('may read outside the workspace what the user may', async () => {
    expect(await files().readText('/etc/os-release')).toContain('Debian');
  });

  it('does not wait for a fifo, and refuses devices', async () => {
    await sh('mkfifo pipe');
    expect(await rejection(files().read('pipe'))).toMatchObject({ name: 'FileError', code: 'not-a-regular-file' });
    expect(await rejection(files().read('/dev/zero'))).toMatchObject({ code: 'not-a-regular-file' });
  });
});

describe('refusals name the path and the reason', () => {
  it('of what is missing', async () => {
    const error = await rejection<Error & { path: string }>(files().read('no/such'));
    expect(error).toMatchObject({ name: 'FileError', code: 'file-not-found', errno: 'ENOENT' });
    expect(error.path).toContain('no/such');
    expect(error.message).toContain('no/such');
    const calls = [files().stat('no/such'), files().list('no/such'), files().remove('no/such')];
    for (const reason of await Promise.all(calls.map((call) => rejection(call)))) {
      expect(reason).toMatchObject({ code: 'file-not-found' });
    }
  });

  it('of a directory where a file is wanted, and the reverse', async () => {
    await files().makeDir('dir');
    await files().write('file', 'x');
    expect(await rejection(files().read('dir'))).toMatchObject({ code: 'is-a-directory', errno: 'EISDIR' });
    expect(await rejection(files().write('dir', 'x'))).toMatchObject({ code: 'is-a-directory' });
    expect(await rejection(files().read('file/below'))).toMatchObject({ code: 'not-a-directory', errno: 'ENOTDIR' });
    expect(await rejection(files().list('file'))).toMatchObject({ code: 'not-a-directory' });
  });

  it('of what the user may not touch', async () => {
    expect(await rejection(files().read('/etc/shadow'))).toMatchObject({ code: 'permission-denied', errno: 'EACCES' });
    expect(await rejection(files().write('/etc/new', 'x'))).toMatchObject({ code: 'permission-denied' });
    expect(await rejection(files().write('/usr/new', 'x', { user: 0 as never }))).toMatchObject({ errno: 'EROFS' });
    await sh('touch locked; chmod 000 locked');
    expect(await rejection(files().read('locked'))).toMatchObject({ code: 'permission-denied', errno: 'EACCES' });
  });

  it('of a link that leads out of the workspace', async () => {
    await sh('ln -s /etc/passwd out; ln -s /etc outdir; ln -s ../etc/passwd up; ln -s loop loop');
    for (const path of ['out', 'outdir/passwd', 'up']) {
      expect(await rejection(files().read(path))).toMatchObject({ code: 'outside-workspace', errno: 'EXDEV' });
      expect(await rejection(files().stat(path))).toMatchObject({ code: 'outside-workspace' });
    }
    expect(await rejection(files().write('outdir/new', 'x'))).toMatchObject({ code: 'outside-workspace' });
    expect(await rejection(files().remove('outdir/passwd'))).toMatchObject({ code: 'outside-workspace' });
    expect(await rejection(files().list('outdir'))).toMatchObject({ code: 'outside-workspace' });
    expect(await rejection(files().read('loop'))).toMatchObject({ errno: 'ELOOP' });
  });

  it('of a relative path that climbs out', async () => {
    for (const path of ['../etc/passwd', 'a/../../etc/passwd', '..']) {
      const error = await rejection(files().read(path));
      expect(error).toMatchObject({ name: 'FileError', code: 'outside-workspace', errno: 'EXDEV' });
      expect(error.message).toContain(path);
    }
  });

  it('of a NUL in a path', async () => {
    expect(await rejection(files().read('a\0b'))).toMatchObject({ code: 'invalid-options' });
  });

  it('of a name the file system does not take', async () => {
    const error = await rejection(files().write('x'.repeat(256), ''));
    expect(error).toMatchObject({ name: 'FileError', code: 'name-too-long', errno: 'ENAMETOOLONG' });
  });
});

describe('errors', () => {
  it('say what a shell would say, of which operation, and the way round', async () => {
    await sh('rm -rf e; mkdir -p e/full/x e/sealed/x; echo 1 > e/file; chmod 0 e/sealed');
    const W = '/workspace/e';
    const none = 'no such file or directory (ENOENT)';
    const table: [(f: SandboxFiles) => Promise<unknown>, string, string?][] = [
      [(f) => f.read('e/nope'), `Cannot read ${W}/nope: ${none}`],
      [(f) => f.list('e/nope'), `Cannot list ${W}/nope: ${none}`],
      [(f) => f.stat('e/nope'), `Cannot stat ${W}/nope: ${none}`],
      [(f) => f.list('e/file'), `Cannot list ${W}/file: not a directory (ENOTDIR)`],
      [(f) => f.read('e/full'), `Cannot read ${W}/full: is a directory (EISDIR)`, 'List it'],
      [(f) => f.list('e/sealed'), `Cannot list ${W}/sealed: permission denied (EACCES)`],
      [(f) => f.readArchive('e'), `Cannot pack ${W}: sealed: permission denied (EACCES)`],
      [(f) => f.write('e/full', 'x'), `Cannot write ${W}/full: is a directory (EISDIR)`],
      [(f) => f.write('e/a/b', 'x', { parents: false }), `Cannot write ${W}/a/b: ${none}`, 'parents: true'],
      [
        (f) => f.write('e/file', 'x', { exclusive: true }),
        `Cannot write ${W}/file: file exists (EEXIST)`,
        'exclusive: false',
      ],
      [(f) => f.makeDir('e/a/b', { parents: false }), `Cannot make the directory ${W}/a/b: ${none}`, 'parents: true'],
      [(f) => f.remove('e/full'), `Cannot remove ${W}/full: directory not empty (ENOTEMPTY)`, 'recursive: true'],
      [(f) => f.remove('e/nope'), `Cannot remove ${W}/nope: ${none}`, 'force: true'],
      [(f) => f.rename('e/nope', 'e/new/x'), `Cannot rename ${W}/nope to ${W}/new/x: ${W}/nope: ${none}`],
      [
        (f) => f.rename('e/file', 'e/a/b', { parents: false }),
        `Cannot rename ${W}/file to ${W}/a/b: ${W}/a/b: ${none}`,
        'parents: true',
      ],
      [
        (f) => f.rename('e/file', 'e/full'),
        `Cannot rename ${W}/file to ${W}/full: ${W}/full: file exists (EEXIST)`,
        'overwrite: true',
      ],
      [
        (f) => f.rename('e/sealed', 'e/full', { overwrite: true }),
        `Cannot rename ${W}/sealed to ${W}/full: ${W}/full: directory not empty (ENOTEMPTY)`,
      ],
      [
        (f) => f.rename('e/full', 'e/full/x/y'),
        `Cannot rename ${W}/full to ${W}/full/x/y: ${W}/full: a directory cannot be moved into itself (EINVAL)`,
      ],
      [
        (f) => f.rename('e/file', '/tmp/file'),
        `Cannot rename ${W}/file to /tmp/file: /tmp/file lies on another file system (EXDEV)`,
        'Copy it',
      ],
    ];
    for (const [call, message, hint] of table) {
      const error = await rejection(call(files()));
      expect(error).toMatchObject({ name: 'FileError', message });
      if (hint === undefined) expect((error as FileError).hint, message).toBeUndefined();
      else expect((error as FileError).hint).toContain(hint);
    }
    // A rename that fails makes no directory.
    expect(await files().exists('e/new')).toBe(false);
    await sh('chmod 700 e/sealed; rm -rf e');
  });

  it('leave a file with a hole as it was on a full disk', async () => {
    await using sandbox = await under.manager.create({ image: 'base', limits: { workspace: '16m' } });
    await sandbox.exec('yes | head -c 524288 > holed; truncate -s 1M holed; cat holed > before; cat /dev/zero > rest');
    expect(await rejection(sandbox.files.write('holed', Buffer.alloc(2 ** 20, 'B')))).toMatchObject({
      code: 'no-space',
    });
    expect(await sandbox.exec('cmp holed before')).toMatchObject({ exitCode: 0 });
  });

  it('name the limit that was met, and the way round', async () => {
    await sh('truncate -s 100 limited; mkdir -p several; touch several/a several/b');
    expect(await rejection(files().read('limited', { maxBytes: 99 }))).toMatchObject({
      code: 'file-too-large',
      message: 'Cannot read /workspace/limited: it has more than 99 bytes (maxBytes) (EFBIG)',
      hint: expect.stringContaining('readStream'),
    });
    expect(await rejection(files().list('several', { maxEntries: 1 }))).toMatchObject({
      code: 'too-many-entries',
      message: expect.stringContaining('more than 1 entries (maxEntries)'),
    });
    expect(await rejection(files().write('/tmp/full', Buffer.alloc(80 * 1024 ** 2)))).toMatchObject({
      code: 'no-space',
      message: expect.stringContaining('/tmp is full'),
      hint: expect.stringContaining('limits.tmp'),
    });
    expect(await files().exists('/tmp/full')).toBe(false);
    expect(await rejection(files().write('/etc/new', 'x', { user: '0' }))).toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('read-only'),
    });
    expect(await rejection(files().rename('limited', '/tmp/limited'))).toMatchObject({
      code: 'file-error',
      message: expect.stringContaining('/tmp/limited lies on another file system'),
    });
  });
});

describe('a link within the workspace', () => {
  it('is followed for reading', async () => {
    await sh('mkdir -p real; echo content > real/file; ln -sf real/file link; ln -sfn real dirlink');
    expect(await files().readText('link')).toBe('content\n');
    expect(await files().readText('dirlink/file')).toBe('content\n');
  });

  it('is itself what stat describes unless followed', async () => {
    await sh('mkdir -p real; echo content > real/file; ln -sf real/file link; ln -sf nowhere dangling');
    expect(await files().stat('link')).toMatchObject({ path: 'link', kind: 'file', size: 8 });
    expect(await files().stat('link', { follow: false })).toMatchObject({ kind: 'link', linkTarget: 'real/file' });
    expect(await files().stat('dangling', { follow: false })).toMatchObject({ kind: 'link', linkTarget: 'nowhere' });
    expect(await rejection(files().stat('dangling'))).toMatchObject({ code: 'file-not-found' });
    expect(await files().exists('dangling')).toBe(false);
  });

  it('is itself what remove removes', async () => {
    await sh('mkdir -p stays; echo x > stays/file; ln -sfn stays gone; ln -sf stays/file gone2');
    await files().remove('gone');
    await files().remove('gone2', { recursive: true });
    expect(await files().readText('stays/file')).toBe('x\n');
    expect(await sh('test ! -e gone && test ! -e gone2 && echo both')).toBe('both\n');
  });
});

describe('stat and exists', () => {
  it('describe files, directories and other things', async () => {
    await sh(
      'mkdir -p kinds/dir; printf 12345 > kinds/file; mkfifo kinds/fifo; chmod 4711 kinds/file; touch -d @1000000000 kinds/file',
    );
    expect(await files().stat('kinds/file')).toMatchObject({
      path: 'kinds/file',
      kind: 'file',
      size: 5,
      mode: 0o4711,
      uid: Number(sandbox().parts.user.split(':')[0]),
      gid: Number(sandbox().parts.user.split(':')[1]),
      mtimeMs: 1_000_000_000_000,
    });
    expect(await files().stat('kinds/dir')).toMatchObject({ kind: 'directory', size: 0 });
    expect(await files().stat('kinds/fifo')).toMatchObject({ kind: 'other' });
    expect(await files().stat('.')).toMatchObject({ kind: 'directory' });
  });

  it('answer for what is there and what is not', async () => {
    await files().write('there', '');
    expect(await files().exists('there')).toBe(true);
    expect(await files().exists('/etc/passwd')).toBe(true);
    expect(await files().exists('there/below')).toBe(false);
    expect(await files().exists('not')).toBe(false);
  });
});

describe('list', () => {
  it('names what is in a directory, sorted, with kinds and sizes', async () => {
    await sh(
      'mkdir -p listed/b/c; printf 1 > listed/a; printf 22 > listed/b/file; printf 333 > listed/b/c/deep; ln -s a listed/z',
    );
    expect(await names('listed')).toEqual(['a', 'b', 'z']);
    const all = await files().list('listed', { depth: Number.POSITIVE_INFINITY });
    expect(all.map(({ path, kind, size }) => [path, kind, size])).toEqual([
      ['a', 'file', 1],
      ['b', 'directory', 0],
      ['b/c', 'directory', 0],
      ['b/c/deep', 'file', 3],
      ['b/file', 'file', 2],
      ['z', 'link', 0],
    ]);
    expect(all.at(-1)).toMatchObject({ linkTarget: 'a' });
  });

  it('goes as deep as asked', async () => {
    await sh('mkdir -p levels/1/2/3');
    expect(await names('levels')).toEqual(['1']);
    expect(await names('levels', { depth: 2 })).toEqual(['1', '1/2']);
  });

  it('is empty for an empty directory', async () => {
    await files().makeDir('nothing-in-here');
    expect(await names('nothing-in-here')).toEqual([]);
  });

  it('sorts by bytes, whatever order the file system has', async () => {
    const unordered = ['b', 'a', 'B', 'ä', '10', '9', '_', 'a.b', 'a b'];
    for (const name of unordered) await files().write(`sorted/${name}`, '');
    const byBytes = [...unordered].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await names('sorted')).toEqual(byBytes);
  });

  it('refuses more entries than allowed', async () => {
    await sh('mkdir -p crowd; cd crowd; seq 1 30 | xargs touch');
    const error = await rejection(files().list('crowd', { maxEntries: 29 }));
    expect(error).toMatchObject({ code: 'too-many-entries' });
    expect(await names('crowd', { maxEntries: 30 })).toHaveLength(30);
  });

  it('does not enter directories that links lead to', async () => {
    await sh('mkdir -p ring/in; ln -sfn .. ring/in/back; ln -sfn /etc ring/etc');
    expect(await names('ring', { depth: Number.POSITIVE_INFINITY })).toEqual(['etc', 'in', 'in/back']);
  });
});

describe('makeDir', () => {
  it('makes directories with their parents and mode, and accepts those there are', async () => {
    await files().makeDir('made/by/me', { mode: 0o700 });
    await files().makeDir('made/by/me');
    expect(await files().stat('made/by/me')).toMatchObject({ kind: 'directory', mode: 0o700 });
  });

  it('insists on a new one without parents', async () => {
    await files().makeDir('new-one', { parents: false });
    expect(await rejection(files().makeDir('new-one', { parents: false }))).toMatchObject({ code: 'file-exists' });
    expect(await rejection(files().makeDir('no/parent', { parents: false }))).toMatchObject({ code: 'file-not-found' });
  });

  it('does not take a file for a directory', async () => {
    await files().write('in-the-way', '');
    const error = await rejection(files().makeDir('in-the-way'));
    expect(['file-exists', 'not-a-directory']).toContain(error.code);
    expect((await files().stat('in-the-way')).kind).toBe('file');
  });
});

describe('remove', () => {
  it('removes files, and trees only when told to', async () => {
    await sh('mkdir -p tree/a/b; touch tree/a/b/c tree/d');
    expect(await rejection(files().remove('tree'))).toMatchObject({ name: 'FileError' });
    expect(await files().exists('tree/a/b/c')).toBe(true);
    await files().remove('tree/d');
    await files().remove('tree', { recursive: true });
    expect(await files().exists('tree')).toBe(false);
  });

  it('minds nothing there only with force', async () => {
    await files().remove('was-never-there', { force: true });
    await files().remove('was/never/there', { force: true, recursive: true });
    expect(await rejection(files().remove('was-never-there', { recursive: true }))).toMatchObject({
      code: 'file-not-found',
    });
  });

  it('removes what is nested 2,000 deep', async () => {
    const nest = 'import os\nos.mkdir("nest"); os.chdir("nest")\nfor i in range(2000): os.mkdir("d"); os.chdir("d")';
    expect(await sandbox().exec(['python3', '-c', nest])).toMatchObject({ exitCode: 0 });
    await files().remove('nest', { recursive: true });
    expect(await files().exists('nest')).toBe(false);
  });

  it('removes what has no permissions left', async () => {
    await sh('mkdir -p around/sealed/in; touch around/sealed/in/file; chmod 000 around/sealed/in around/sealed');
    await files().remove('around/sealed', { recursive: true });
    expect(await files().exists('around/sealed')).toBe(false);
    // The directory above it is unchanged.
    expect((await files().stat('around')).mode).toBe(0o755);
  });
});

describe('rename', () => {
  it('moves files and directories', async () => {
    await sh('mkdir -p from/sub; echo x > from/sub/file');
    await files().rename('from/sub', 'moved');
    expect(await files().readText('moved/file')).toBe('x\n');
    expect(await files().exists('from/sub')).toBe(false);
  });

  it('replaces what is there only when told to', async () => {
    await files().write('left', 'left');
    await files().write('right', 'right');
    expect(await rejection(files().rename('left', 'right'))).toMatchObject({ code: 'file-exists' });
    expect(await files().readText('right')).toBe('right');
    await files().rename('left', 'right', { overwrite: true });
    expect(await files().readText('right')).toBe('left');
    expect(await files().exists('left')).toBe(false);
  });

  it('makes the directories above the new name, as write does', async () => {
    await files().write('far', 'x');
    await files().rename('far', 'away/and/further');
    expect(await files().readText('away/and/further')).toBe('x');
  });

  it('says what is missing', async () => {
    expect(await rejection(files().rename('not-there', 'somewhere'))).toMatchObject({ code: 'file-not-found' });
  });
});

it('is not fooled by a hostile sh, tar and cat in PATH', async () => {
  await sh('mkdir -p bin; for c in sh tar cat ls mv; do printf "#!/bin/false" > bin/$c; chmod +x bin/$c; done');
  const hostile = await under.manager.create({ env: { PATH: '/workspace/bin' } });
  await hostile.files.write('bin/tar', '#!/bin/false', { mode: 0o755 });
  await hostile.files.write('file', 'content');
  expect(await hostile.files.readText('file')).toBe('content');
  expect((await hostile.files.list('.')).map(({ path }) => path)).toContain('file');
  await hostile.close();
});
