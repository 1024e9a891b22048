import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract as tarStreamExtract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { packTree } from '../../../src/transfer/pack.js';
import type { Manifest } from '../../../src/workspace/manifest.js';
import { manifestOf } from '../../../src/workspace/read-manifest.js';
import { readTree, useTempDirectory, withMode, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();

async function packed(directory: string, manifest?: Manifest): Promise<Buffer> {
  const stream = packTree(directory, manifest ?? (await manifestOf(directory, { hash: false })).manifest);
  return Buffer.concat(await stream.toArray());
}

/** Reads the headers with another tar library. */
async function headersOf(bytes: Buffer) {
  const headers: Array<{
    name: string;
    mode: number;
    uid: number;
    gid: number;
    size: number;
    type: string;
    mtime: Date;
    uname: string;
  }> = [];
  const reader = tarStreamExtract();
  const done = pipeline([bytes], reader as unknown as NodeJS.WritableStream);
  for await (const entry of reader) {
    headers.push({ ...entry.header });
    entry.resume();
  }
  await done;
  return headers;
}

describe('packing a directory', () => {
  const tree = { 'a.txt': 'hello', d: { empty: '', link: 'link:../a.txt', big: 'x'.repeat(700_001) }, e: {} };

  it('is read by GNU tar', async () => {
    writeTree(temp('t'), tree);
    mkdirSync(temp('out'));
    execFileSync('tar', ['xf', '-'], { cwd: temp('out'), input: await packed(temp('t')) });
    expect(readTree(temp('out'))).toEqual(tree);
  });

  it('leaks no owner, keeps permissions only, and is in order', async () => {
    writeTree(temp('t'), tree);
    withMode(temp('t/a.txt'), 0o4751);
    withMode(temp('t/d/empty'), 0);
    const headers = await headersOf(await packed(temp('t')));
    expect(headers.map(({ name }) => name)).toEqual(['a.txt', 'd/', 'd/big', 'd/empty', 'd/link', 'e/']);
    for (const { uid, gid, uname } of headers) expect({ uid, gid, uname }).toEqual({ uid: 0, gid: 0, uname: '' });
    expect(headers[0]?.mode).toBe(0o751);
    expect(headers[3]?.mode).toBe(0);
  });

  it('writes long and foreign names so that GNU tar gets them right', async () => {
    const deep = ['d'.repeat(90), 'e'.repeat(90), 'f'.repeat(200)];
    writeTree(temp('t', deep[0]!, deep[1]!), {
      [deep[2]!]: 'deep',
      ü: 'umlaut',
      'new\nline': 'n',
      ['g'.repeat(60)]: 'prefix',
    });
    // A slash in the hundredth place, where a name is cut for readers that know no better.
    writeTree(temp('t'), { ['k'.repeat(99)]: { ['l'.repeat(200)]: 'cut' } });
    symlinkSync('t'.repeat(150), temp('t/long-link'));
    mkdirSync(temp('t', 'h'.repeat(99)));
    mkdirSync(temp('t', 'i'.repeat(100)));
    mkdirSync(temp('out'));
    execFileSync('tar', ['xf', '-'], { cwd: temp('out'), input: await packed(temp('t')) });
    expect(readTree(temp('out'))).toEqual(readTree(temp('t')));
    const bytes = await packed(temp('t'));
    for (let block = 0; block < bytes.byteLength; block += 512) {
      const isFile = bytes.toString('latin1', block + 257, block + 262) === 'ustar' && bytes[block + 156] === 0x30;
      if (isFile) expect(bytes.toString('latin1', block, block + 100)).not.toMatch(/\/\0*$/);
    }
  });

  it('keeps times before 1970 and after 2038 within what a header holds', async () => {
    writeTree(temp('t'), { old: '', late: '' });
    utimesSync(temp('t/old'), new Date(-1000), new Date(-1000));
    utimesSync(temp('t/late'), 2 ** 32, 2 ** 32);
    const headers = await headersOf(await packed(temp('t')));
    expect(headers.map(({ name, mtime }) => [name, mtime.getTime() / 1000])).toEqual([
      ['late', 2 ** 32],
      ['old', 0],
    ]);
  });

  it('comes in large pieces, however small the files are', async () => {
    writeTree(temp('t'), Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 'x'])));
    const { manifest } = await manifestOf(temp('t'), { hash: false });
    const pieces: Buffer[] = await packTree(temp('t'), manifest).toArray();
    expect(pieces.length).toBeLessThan(12);
  });

  it('reads no further than it is read', async () => {
    writeTree(
      temp('t'),
      Object.fromEntries(
        Array.from({ length: 64 }, (_, i) => [`f${String(i).padStart(2, '0')}`, Buffer.alloc(256 * 1024)]),
      ),
    );
    const { manifest } = await manifestOf(temp('t'), { hash: false });
    const stream = packTree(temp('t'), manifest);
    const pieces = stream[Symbol.asyncIterator]();
    await pieces.next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    // The first files were read ahead and are in memory; the last ones are not.
    rmSync(temp('t/f63'));
    await expect(drain(pieces)).rejects.toMatchObject({ name: 'FileError', code: 'file-not-found', path: 'f63' });
  });
});

describe('what cannot be packed', () => {
  it.each<[string, () => void]>([
    ['grew', () => writeFileSync(temp('t/f'), 'longer than before')],
    ['shrank', () => truncateSync(temp('t/f'), 1)],
    [
      'became a fifo',
      () => {
        rmSync(temp('t/f'));
        execFileSync('mkfifo', [temp('t/f')]);
      },
    ],
  ])('a file that %s since the manifest was made', async (_title, change) => {
    writeTree(temp('t'), { f: 'before' });
    const { manifest } = await manifestOf(temp('t'));
    change();
    await expect(packed(temp('t'), manifest)).rejects.toMatchObject({
      code: 'seed-invalid',
      message: expect.stringContaining('f changed'),
    });
  });

  it('a large file that shrank', async () => {
    writeTree(temp('t'), { f: Buffer.alloc(600_000) });
    const { manifest } = await manifestOf(temp('t'));
    truncateSync(temp('t/f'), 1000);
    await expect(packed(temp('t'), manifest)).rejects.toMatchObject({ code: 'seed-invalid' });
  });

  it('a file that became a link: it is not followed', async () => {
    writeTree(temp('t'), { f: 'before' });
    writeFileSync(temp('secret'), 'secret');
    const { manifest } = await manifestOf(temp('t'));
    rmSync(temp('t/f'));
    symlinkSync('../secret', temp('t/f'));
    await expect(packed(temp('t'), manifest)).rejects.toMatchObject({ name: 'FileError', path: 'f', errno: 'ELOOP' });
  });

  it('links that lead outside and special files', async () => {
    writeTree(temp('t'), { l: 'link:/etc/passwd' });
    await expect(packed(temp('t'))).rejects.toMatchObject({
      code: 'seed-invalid',
      message: 'Cannot pack l: link leads outside: absolute',
    });
    rmSync(temp('t/l'));
    execFileSync('mkfifo', [temp('t/p')]);
    await expect(packed(temp('t'))).rejects.toMatchObject({ code: 'seed-invalid' });
  });

  it('anything after an abort', async () => {
    writeTree(temp('t'), { a: Buffer.alloc(900_000), b: Buffer.alloc(900_000) });
    const { manifest } = await manifestOf(temp('t'), { hash: false });
    const abort = new AbortController();
    const pieces = packTree(temp('t'), manifest, { signal: abort.signal })[Symbol.asyncIterator]();
    await pieces.next();
    abort.abort(new Error('stop'));
    await expect(drain(pieces)).rejects.toThrow('stop');
  });

  it('is not read on when the reader goes away, and holds no file open', async () => {
    writeTree(temp('t'), { a: Buffer.alloc(3_000_000), b: 'x' });
    const { manifest } = await manifestOf(temp('t'), { hash: false });
    const before = openFiles();
    const stream = packTree(temp('t'), manifest);
    await stream[Symbol.asyncIterator]().next();
    stream.destroy();
    await expect.poll(openFiles).toBe(before);
  });
});

function openFiles(): string {
  return execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c '${temp()}' || true`], {
    encoding: 'utf8',
  }).trim();
}

async function drain(pieces: AsyncIterator<unknown>): Promise<void> {
  while (!(await pieces.next()).done);
}
