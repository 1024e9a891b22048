import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ExtractOptions } from '../../../src/transfer/extract.js';
import { extractTar } from '../../../src/transfer/extract.js';
import { archive, END, header, inPieces, pax, type RawEntry, raw } from '../../helpers/tar-maker.js';
import { modeOf, readTree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const into = () => temp('out');

function extract(bytes: Buffer, options: ExtractOptions = {}, pieceSize?: number) {
  return extractTar(inPieces(bytes, pieceSize), into(), options);
}

async function refusalOf(entry: RawEntry | Buffer): Promise<string> {
  const { refused, files, links } = await extract(archive(entry));
  expect({ files, links }).toEqual({ files: 0, links: 0 });
  expect(refused).toHaveLength(1);
  return refused[0]!.reason;
}

describe('extracting an ordinary archive', () => {
  const ordinary = archive(
    { name: './', type: '5', mode: 0o755 },
    { name: './a/', type: '5', mode: 0o750 },
    { name: './a/run.sh', mode: 0o755, data: '#!/bin/sh\n' },
    { name: 'a/empty' },
    { name: 'a/link', type: '2', link: '../b/deep.txt' },
    { name: 'b/deep.txt', data: 'x'.repeat(1000) },
  );

  it.each([1, 7, 511, 512, 513, 65_536])('does not depend on how the bytes are cut: pieces of %i', async (size) => {
    const result = await extract(ordinary, {}, size);
    expect(result).toEqual({ files: 3, directories: 2, links: 1, bytes: 1010, refused: [], refusedCount: 0 });
    expect(readTree(into())).toEqual({
      a: { 'run.sh': '#!/bin/sh\n', empty: '', link: 'link:../b/deep.txt' },
      b: { 'deep.txt': 'x'.repeat(1000) },
    });
  });

  it('keeps the executable bit, leaves out what lets others write, and keeps its own access', async () => {
    await extract(
      archive(
        { name: 'w', mode: 0o777 },
        { name: 'private', mode: 0o600 },
        { name: 'none', mode: 0 },
        { name: 'd', type: '5', mode: 0 },
      ),
    );
    const umask = process.umask();
    expect(modeOf(temp('out/w'))).toBe(0o755 & ~umask);
    expect(modeOf(temp('out/private'))).toBe(0o600);
    expect(modeOf(temp('out/none'))).toBe(0o600);
    expect(modeOf(temp('out/d'))).toBe(0o700);
  });

  it('strips setuid, setgid and sticky bits, and foreign owners', async () => {
    await extract(archive({ name: 'suid', mode: 0o6755, uid: 12345 }, { name: 'd', type: '5', mode: 0o7755 }));
    expect(modeOf(temp('out/suid')) & 0o7000).toBe(0);
    expect(modeOf(temp('out/d')) & 0o7000).toBe(0);
  });

  it('ignores attributes and times of extended headers, takes their long names', async () => {
    const long = `${'d/'.repeat(60)}${'n'.repeat(200)}`;
    const headers = pax({
      path: long,
      mtime: '1e99',
      'SCHILY.xattr.security.capability': 'x',
      'LIBARCHIVE.xattr.u': 'y',
    });
    await extract(archive(pax({ comment: 'from git' }, 'g'), headers, { name: 'short', data: 'hi' }));
    expect(readFileSync(temp('out', long), 'utf8')).toBe('hi');
  });

  it('takes for a directory what the whole name says, not a name that was cut behind a slash', async () => {
    const long = `${'d'.repeat(99)}/file`;
    const gnu = `${'g'.repeat(99)}/file`;
    await extract(
      archive(
        pax({ path: long }),
        { name: long.slice(0, 100), data: 'pax' },
        raw({ name: '././@LongLink', type: 'L', data: `${gnu}\0` }),
        { name: gnu.slice(0, 100), data: 'gnu' },
        { name: 'old/', type: '\0' },
      ),
    );
    expect(readTree(temp('out'))).toEqual({
      ['d'.repeat(99)]: { file: 'pax' },
      ['g'.repeat(99)]: { file: 'gnu' },
      old: {},
    });
  });

  it('reads GNU long names and links', async () => {
    const name = 'g'.repeat(150);
    const target = 't'.repeat(150);
    await extract(
      archive(
        raw({ name: '././@LongLink', type: 'K', data: `${target}\0` }),
        raw({ name: '././@LongLink', type: 'L', data: `${name}\0` }),
        { name: 'cut', type: '2', link: 'cut' },
      ),
    );
    expect(readlinkSync(temp('out', name))).toBe(target);
  });

  it('keeps names with newlines, escape codes, spaces and dashes', async () => {
    const names = ['new\nline', '\x1b[31mred', '-rf', ' ', '…', '$(id)', '"'];
    await extract(archive(...names.map((name) => ({ name, data: name }))));
    expect(Object.keys(readTree(into())).sort()).toEqual([...names].sort());
  });

  it('accepts an empty archive', async () => {
    expect(await extract(END)).toMatchObject({ files: 0, directories: 0, refused: [] });
  });
});

describe('what an archive must not do', () => {
  it.each<[string, RawEntry | Buffer, RegExp]>([
    ['leads out with ..', { name: '../c' }, /\.\./],
    ['leads out in the middle', { name: 'a/../../c' }, /\.\./],
    ['is absolute', { name: '/c' }, /absolute/],
    ['is absolute in a pax header', Buffer.concat([pax({ path: '/etc/x' }), raw({ name: 'x' })]), /absolute/],
    ['has a NUL', Buffer.concat([pax({ path: 'a\0b' }), raw({ name: 'x' })]), /NUL/],
    ['is empty', { name: '' }, /empty/],
    ['is not UTF-8', { name: Buffer.from([0x61, 0xff, 0x62]) }, /UTF-8/],
    ['is not UTF-8 in a pax header', Buffer.concat([pax({ path: Buffer.from([0xff]) }), raw({ name: 'x' })]), /UTF-8/],
    ['has a name over 255 bytes', Buffer.concat([pax({ path: 'é'.repeat(128) }), raw({ name: 'x' })]), /too long/],
    [
      'is over 4096 bytes',
      Buffer.concat([pax({ path: `${'n'.repeat(200)}/`.repeat(21) }), raw({ name: 'x' })]),
      /too long/,
    ],
    ['is too deep', Buffer.concat([pax({ path: `${'d/'.repeat(128)}x` }), raw({ name: 'x' })]), /deeper/],
    ['is a hard link', { name: 'h', type: '1', link: 'etc/passwd' }, /hard link/],
    ['is a character device', { name: 'c', type: '3' }, /device/],
    ['is a block device', { name: 'b', type: '4' }, /device/],
    ['is a fifo', { name: 'f', type: '6' }, /fifo/],
    ['is a sparse file', { name: 's', type: 'S', data: 'map' }, /unsupported/],
    [
      'is a sparse file by pax',
      Buffer.concat([pax({ 'GNU.sparse.major': '1' }), raw({ name: 's', data: 'x' })]),
      /unsupported/,
    ],
    ['is of an unknown type', { name: 'v', type: 'V' }, /unsupported/],
    ['links to an absolute path', { name: 'l', type: '2', link: '/etc/shadow' }, /outside/],
    ['links outside', { name: 'd/l', type: '2', link: '../../x' }, /outside/],
    ['links up after down', { name: 'l', type: '2', link: 'a/../../x' }, /up again/],
    ['links to nothing', { name: 'l', type: '2', link: '' }, /without a target/],
    ['links to bytes', { name: 'l', type: '2', link: Buffer.from([0xfe]) }, /UTF-8/],
  ])('refuses an entry that %s', async (_title, entry, reason) => {
    expect(await refusalOf(entry)).toMatch(reason);
    expect(existsSync(temp('c'))).toBe(false);
  });

  it('carries on behind a refused entry', async () => {
    const result = await extract(
      archive(
        { name: '../c', data: 'x'.repeat(3000) },
        { name: 'h', type: '1', link: 'x', data: 'data' },
        { name: 'ok', data: 'ok' },
      ),
    );
    expect(result.refusedCount).toBe(2);
    expect(readTree(into())).toEqual({ ok: 'ok' });
  });

  it('refuses a file through a link of the archive', async () => {
    writeTree(temp('victim'), {});
    const result = await extract(
      archive(
        { name: 'a/l', type: '2', link: '../b' },
        { name: 'a/l/through', data: 'x' },
        { name: 'e', type: '2', link: temp('victim') },
        { name: 'e/through', data: 'x' },
      ),
    );
    expect(result.refused.map(({ path }) => path)).toEqual(['a/l/through', 'e', 'e/through']);
    expect(readTree(temp('victim'))).toEqual({});
    expect(readTree(into())).toEqual({ a: { l: 'link:../b' } });
  });

  it('refuses links that are only outside when followed one after the other', async () => {
    const { refused, links } = await extract(
      archive(
        { name: 'deep/x/y/up', type: '2', link: '../../..' },
        { name: 'deep/x/y/out', type: '2', link: 'up/..' },
        { name: 'deep/x/y/out2', type: '2', link: 'up/../../etc' },
      ),
    );
    expect(links).toBe(1);
    expect(refused.map(({ path }) => path)).toEqual(['deep/x/y/out', 'deep/x/y/out2']);
  });

  it('refuses to make a file a directory, a directory a file, or anything twice', async () => {
    const { refused } = await extract(
      archive(
        { name: 'f', data: '1' },
        { name: 'f', data: '2' },
        { name: 'f/inside', data: '3' },
        { name: 'd', type: '5' },
        { name: 'd', type: '5' },
        { name: 'd', type: '2', link: 'f' },
        { name: 'f', type: '5' },
      ),
    );
    expect(refused).toHaveLength(4);
    expect(readTree(into())).toEqual({ f: '1', d: {} });
  });

  it('refuses names some file systems take for one, unless they are allowed', async () => {
    const names = [
      'README',
      'readme',
      '.git/config',
      '.GIT/hooks',
      '.g\u200cit/x',
      'caf\u00e9',
      'cafe\u0301',
      '\u212a',
      'k',
    ];
    const bytes = archive(...names.map((name) => ({ name, data: name })));
    const { refused } = await extract(bytes);
    expect(refused.map(({ path }) => path)).toEqual(['readme', '.GIT/hooks', '.g\\u200cit/x', 'cafe\u0301', 'k']);
    expect(await extractTar(inPieces(bytes), temp('other'), { collisions: 'allow' })).toMatchObject({
      files: 9,
      refused: [],
    });
  });

  it('throws at the first refused entry when asked to', async () => {
    const bytes = archive({ name: 'ok' }, { name: '../esc\x1b[0m' });
    await expect(extract(bytes, { onRefused: 'throw' })).rejects.toMatchObject({
      code: 'archive-invalid',
      message: 'Refused ../esc\\x1b[0m: path leads out with ..',
    });
  });

  it('lists at most a thousand refused entries and counts all', async () => {
    const result = await extract(archive(...Array.from({ length: 1500 }, (_, i) => ({ name: `../${i}` }))));
    expect(result.refused).toHaveLength(1000);
    expect(result.refusedCount).toBe(1500);
  });
});

describe('damaged and endless archives', () => {
  it.each<[string, Buffer]>([
    ['cut in a header', archive({ name: 'a', data: 'x' }).subarray(0, 300)],
    ['cut in a file', archive({ name: 'a', data: 'x'.repeat(5000) }).subarray(0, 2000)],
    ['cut in a large file', archive({ name: 'a', data: Buffer.alloc(600_000) }).subarray(0, 500_000)],
    ['cut between two entries', raw({ name: 'a', data: 'x' })],
    ['cut in an extended header', pax({ path: 'x'.repeat(2000) }).subarray(0, 1500)],
    ['without an entry behind an extended header', archive(pax({ path: 'x' }))],
    ['empty', Buffer.alloc(0)],
    ['of noise', Buffer.alloc(2048, 'noise')],
    ['of another format', archive({ name: 'a', magic: 'nothing' })],
    ['with a wrong checksum', archive({ name: 'a', checksum: 1 })],
    ['with a size that is no number', archive({ name: 'a', size: 'zzzzzzzzzzz' })],
    ['with a negative size', archive({ name: 'a', size: Buffer.alloc(12, 0xff) })],
    ['with an absurd size', archive({ name: 'a', size: Buffer.from([0x80, ...Array(11).fill(0xff)]) })],
    ['with an absurd size by pax', archive(pax({ size: '99999999999999999999' }), { name: 'a' })],
    ['with a negative size by pax', archive(pax({ size: '-1' }), { name: 'a' })],
    ['with a directory that has data', archive({ name: 'd', type: '5', size: 512, data: 'x'.repeat(512) })],
    ['with a link that has data', archive({ name: 'd', type: '2', link: 'x', data: 'x' })],
    ['with a pax record longer than the header', archive(pax(Buffer.from('999 path=x\n')), { name: 'a' })],
    ['with a pax record of length 0', archive(pax(Buffer.from('0 path=x\n')), { name: 'a' })],
    ['with a pax record of negative length', archive(pax(Buffer.from('-9 path=xxxxxxxx\n')), { name: 'a' })],
    ['with a pax record without a key', archive(pax(Buffer.from('5 =x\n')), { name: 'a' })],
    ['with a pax header of a gigabyte', archive(header({ name: 'p', type: 'x', size: 1024 ** 3 }))],
    ['with a global header of a gigabyte', archive(header({ name: 'p', type: 'g', size: 1024 ** 3 }))],
    ['with a long name of a gigabyte', archive(header({ name: 'p', type: 'L', size: 1024 ** 3 }))],
    ['with a second archive behind its end', Buffer.concat([archive({ name: 'a' }), archive({ name: 'hidden' })])],
  ])('%s: an archive-invalid error', async (_title, bytes) => {
    await expect(extract(bytes)).rejects.toMatchObject({ name: 'RipcordError', code: 'archive-invalid' });
  });

  it.each<[string, Buffer]>([
    ['zeros behind the end', Buffer.alloc(65_536)],
    ['extended headers', pax({ comment: 'x'.repeat(60_000) })],
    ['global headers', pax({ comment: 'x'.repeat(60_000) }, 'g')],
  ])('ends on endless %s', async (_title, piece) => {
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += piece.byteLength;
        yield piece;
      }
    }
    await expect(extractTar(endless(), into())).rejects.toMatchObject({ code: 'archive-invalid' });
    expect(sent).toBeLessThan(3 * 1024 * 1024);
  });

  it('ends a million empty entries at maxEntries, in bounded memory', async () => {
    async function* million() {
      for (let i = 0; i < 1_000_000; i++) yield raw({ name: `../${i}` });
    }
    await expect(extractTar(million(), into(), { maxEntries: 5000 })).rejects.toMatchObject({
      code: 'too-many-entries',
    });
  });

  it('counts directories nobody listed as entries', async () => {
    const deep = Array.from({ length: 50 }, (_, i) =>
      Buffer.concat([pax({ path: `${i}/${'d/'.repeat(100)}f` }), raw({ name: 'x' })]),
    );
    await expect(extract(archive(...deep), { maxEntries: 1000 })).rejects.toMatchObject({ code: 'too-many-entries' });
  });

  it('survives a tree 20,000 directories deep', async () => {
    async function* deep() {
      for (let depth = 1; depth <= 20_000; depth += 40) {
        yield pax({ path: `${'d/'.repeat(depth)}` });
        yield raw({ name: 'd/', type: '5' });
      }
      yield END;
    }
    const { directories, refusedCount } = await extractTar(deep(), into());
    expect(directories).toBe(121);
    expect(refusedCount).toBe(496);
  });

  it('does not hang when the source stalls and the caller aborts', async () => {
    const source = new PassThrough();
    source.write(raw({ name: 'a', data: 'a' }));
    source.write(header({ name: 'stalled', size: 600_000 }));
    source.write('some');
    const abort = new AbortController();
    const extracting = extractTar(source, into(), { signal: abort.signal });
    const reason = new Error('enough');
    extracting.catch(() => {});
    await expect.poll(() => existsSync(temp('out/a'))).toBe(true);
    abort.abort(reason);
    await expect(extracting).rejects.toBe(reason);
    expect(source.destroyed).toBe(true);
    expect(readTree(into())).toEqual({ a: 'a' });
  });

  it('begins nothing when the signal has fired already', async () => {
    await expect(extract(archive({ name: 'a' }), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(existsSync(into())).toBe(false);
  });

  it('writes no file after an abort, and leaves its listeners behind nowhere', async () => {
    const abort = new AbortController();
    async function* source() {
      for (let i = 0; ; i++) {
        if (i === 500) abort.abort(new Error('stop'));
        yield raw({ name: `f${i}`, data: 'x' });
      }
    }
    await expect(extractTar(source(), into(), { signal: abort.signal })).rejects.toThrow('stop');
    const after = Object.keys(readTree(into()));
    await delay(50);
    expect(Object.keys(readTree(into()))).toEqual(after);
    expect(after.every((name) => name.startsWith('f'))).toBe(true);
  });
});

describe('limits', () => {
  const file = (size: number): Buffer => archive({ name: 'big', data: Buffer.alloc(size) });

  it('refuses a file over maxFileBytes before writing any of it', async () => {
    await expect(extract(file(2000), { maxFileBytes: 1999 })).rejects.toMatchObject({ code: 'file-too-large' });
    expect(readTree(into())).toEqual({});
  });

  it('ends at maxBytes over all files, those refused included', async () => {
    await expect(extract(file(2000), { maxBytes: 1999 })).rejects.toMatchObject({ code: 'file-too-large' });
    await expect(extract(archive({ name: '../x', data: 'xx' }), { maxBytes: 1 })).rejects.toMatchObject({
      code: 'file-too-large',
    });
    expect((await extract(file(2000), { maxBytes: 2000, maxFileBytes: 2000 })).bytes).toBe(2000);
  });

  it('ends a sparse terabyte at once', async () => {
    const bytes = Buffer.concat([pax({ size: String(2 ** 40) }), header({ name: 'huge' })]);
    async function* source() {
      yield bytes;
      for (;;) yield Buffer.alloc(65_536);
    }
    await expect(extractTar(source(), into())).rejects.toMatchObject({ code: 'file-too-large' });
  });

  it('refuses what is deeper than maxDepth', async () => {
    const { refused } = await extract(archive({ name: 'a/b' }, { name: 'a/b2/c' }), { maxDepth: 2 });
    expect(refused).toEqual([{ path: 'a/b2/c', reason: 'deeper than 2 directories' }]);
  });
});

describe('an existing directory', () => {
  it('is merged into; files and links are replaced, nothing is deleted', async () => {
    writeTree(into(), { keep: 'mine', replaced: 'old', d: { inner: 'old' }, l: 'link:keep', wasLink: 'link:keep' });
    const result = await extract(
      archive(
        { name: 'replaced', data: 'new' },
        { name: 'd/inner', data: 'new' },
        { name: 'l', type: '2', link: 'replaced' },
        { name: 'wasLink', data: 'file' },
      ),
    );
    expect(result.refused).toEqual([]);
    expect(readTree(into())).toEqual({
      keep: 'mine',
      replaced: 'new',
      d: { inner: 'new' },
      l: 'link:replaced',
      wasLink: 'file',
    });
  });

  it('keeps its links: nothing is written through one', async () => {
    writeTree(temp('victim'), { canary: 'alive' });
    mkdirSync(into());
    symlinkSync(temp('victim'), temp('out/dir'));
    symlinkSync(temp('victim/canary'), temp('out/file'));
    const result = await extract(
      archive(
        { name: 'dir/canary', data: 'dead' },
        { name: 'dir', type: '5' },
        { name: 'file', data: 'dead' },
        { name: 'dir/l', type: '2', link: 'x' },
      ),
    );
    expect(result.refused.map(({ reason }) => reason)).toEqual(Array(3).fill('lies behind a link on the host'));
    expect(readTree(temp('victim'))).toEqual({ canary: 'alive' });
    expect(readTree(into())).toEqual({ dir: `link:${temp('victim')}`, file: 'dead' });
  });

  it('keeps a directory where a file or link comes, and a file where a directory comes', async () => {
    writeTree(into(), { d: { inner: 'mine' }, f: 'mine' });
    const result = await extract(archive({ name: 'd', data: 'x' }, { name: 'f/x', data: 'x' }));
    expect(result.refusedCount).toBe(2);
    expect(readTree(into())).toEqual({ d: { inner: 'mine' }, f: 'mine' });
  });

  it('skips all of a large file that cannot be placed', async () => {
    writeTree(into(), { big: { inner: 'mine' } });
    const result = await extract(archive({ name: 'big', data: Buffer.alloc(700_000) }, { name: 'after', data: 'x' }));
    expect(result).toMatchObject({ files: 1, refused: [{ path: 'big', reason: 'a directory is there' }] });
  });

  it('refuses a name that another file system would take for an existing one', async () => {
    writeTree(into(), { '.git': { config: 'mine' } });
    const { refused } = await extract(archive({ name: '.GIT/config', data: 'evil' }));
    expect(refused[0]?.reason).toMatch(/same name as \.git/);
  });

  it('loses its temporary files when extraction fails', async () => {
    writeTree(into(), { big: 'old' });
    const cut = archive({ name: 'big', data: Buffer.alloc(600_000, 'x') }).subarray(0, 400_000);
    await expect(extract(cut)).rejects.toMatchObject({ code: 'archive-invalid' });
    expect(readTree(into())).toEqual({ big: 'old' });
  });

  it('loses half a file in a new directory when extraction fails', async () => {
    const cut = archive({ name: 'new/big', data: Buffer.alloc(600_000, 'x') }).subarray(0, 400_000);
    await expect(extract(cut)).rejects.toMatchObject({ code: 'archive-invalid' });
    expect(readTree(into())).toEqual({ new: {} });
  });

  it('may itself be reached through a link of the caller', async () => {
    mkdirSync(temp('real'));
    symlinkSync('real', into());
    await extract(archive({ name: 'a', data: 'a' }));
    expect(readTree(temp('real'))).toEqual({ a: 'a' });
  });

  it('must be a directory', async () => {
    writeFileSync(into(), 'file');
    await expect(extract(archive({ name: 'a' }))).rejects.toMatchObject({ name: 'FileError', code: 'file-exists' });
  });
});

it('extracts 20,000 files', async () => {
  async function* many() {
    for (let i = 0; i < 20_000; i++) yield raw({ name: `d${i % 100}/f${i}`, data: `content ${i}` });
    yield END;
  }
  expect(await extractTar(many(), into())).toMatchObject({ files: 20_000, directories: 100, refusedCount: 0 });
}, 120_000);
