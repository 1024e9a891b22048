import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { countChanges, diffManifests, summarizeChanges } from '../../../src/workspace/diff.js';
import type { Manifest, ManifestEntry } from '../../../src/workspace/manifest.js';
import { manifestOf } from '../../../src/workspace/read-manifest.js';
import { useTempDirectory, withMode, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();

describe('the manifest of a host directory', () => {
  it('has every kind of entry, sorted, directories before what is in them', async () => {
    writeTree(temp('t'), { 'a-b': '', a: { b: 'x' }, out: 'link:/etc/passwd' });
    execFileSync('mkfifo', [temp('t/pipe')]);
    const { manifest, refused } = await manifestOf(temp('t'));
    expect([...manifest].map(([path, { kind }]) => [path, kind])).toEqual([
      ['a', 'directory'],
      ['a-b', 'file'],
      ['a/b', 'file'],
      ['out', 'link'],
      ['pipe', 'other'],
    ]);
    expect(refused).toEqual([]);
    expect(manifest.get('a/b')?.sha256).toBe(createHash('sha256').update('x').digest('hex'));
  });

  it('leaves hashes out when asked to', async () => {
    writeTree(temp('t'), { a: 'x' });
    expect((await manifestOf(temp('t'), { hash: false })).manifest.get('a')).not.toHaveProperty('sha256');
  });

  it('hashes files of any size', async () => {
    for (const size of [0, 1, 131_071, 131_072, 131_073, 1_000_000]) {
      const data = Buffer.alloc(size, 'ab');
      writeTree(temp(`t${size}`), { f: data });
      const { manifest } = await manifestOf(temp(`t${size}`));
      expect(manifest.get('f')).toMatchObject({ size, sha256: createHash('sha256').update(data).digest('hex') });
    }
  });

  it('says which file cannot be read', async () => {
    writeTree(temp('t'), { a: 'x' });
    await expect(manifestOf(temp('none'))).rejects.toMatchObject({
      name: 'FileError',
      code: 'file-not-found',
      errno: 'ENOENT',
    });
    if (process.getuid?.() === 0) return;
    withMode(temp('t/a'), 0);
    await expect(manifestOf(temp('t'))).rejects.toMatchObject({ code: 'permission-denied', path: 'a' });
  });

  it('stops at an abort', async () => {
    await expect(manifestOf(temp(), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });
});

describe('the difference of two manifests', () => {
  const file = (content: string, mode = 0o644): ManifestEntry => ({
    kind: 'file',
    mode,
    size: content.length,
    mtimeMs: Math.random(),
    sha256: createHash('sha256').update(content).digest('hex'),
  });
  const directory: ManifestEntry = { kind: 'directory', mode: 0o755, size: 0, mtimeMs: 1 };
  const link = (linkTarget: string, mode = 0o777): ManifestEntry => ({
    kind: 'link',
    mode,
    size: 0,
    mtimeMs: 1,
    linkTarget,
  });
  const of = (entries: Record<string, ManifestEntry>): Manifest => new Map(Object.entries(entries));

  it('names what was added, modified, deleted, made executable, made something else', async () => {
    const base = of({
      same: file('1'),
      edited: file('1'),
      gone: file('1'),
      run: file('1'),
      turned: file('1'),
      l: link('a'),
      d: directory,
    });
    const current = of({
      turned: link('same'),
      same: file('1'),
      run: file('1', 0o755),
      new: file('1'),
      l: link('b'),
      edited: file('2', 0o600),
      d: { ...directory, mtimeMs: 99 },
    });
    const changes = await diffManifests(base, current);
    expect(changes.map(({ path, change, kind }) => `${path}: ${change} ${kind}`)).toEqual([
      'edited: modified file',
      'gone: deleted file',
      'l: modified link',
      'new: added file',
      'run: mode-changed file',
      'turned: type-changed link',
    ]);
    expect(changes[0]).toMatchObject({ before: base.get('edited'), after: current.get('edited') });
    expect(countChanges(changes)).toEqual({ added: 1, modified: 2, deleted: 1, 'mode-changed': 1, 'type-changed': 1 });
    expect(summarizeChanges(changes)).toBe('1 added, 2 modified, 1 deleted, 1 mode changed, 1 type changed');
    expect(summarizeChanges([])).toBe('no changes');
  });

  it("is blind to times, to a link's mode and to setuid", async () => {
    const base = of({ a: file('1'), l: link('x') });
    const current = of({
      a: file('1', 0o4644),
      l: link('x', 0o755),
    });
    expect(await diffManifests(base, current)).toEqual([]);
    expect(await diffManifests(base, of({ ...Object.fromEntries(base), '.ripcord': file('') }))).toHaveLength(1);
  });

  it('compares sizes and times where a hash is missing', async () => {
    const plain = (mtimeMs: number): Manifest => of({ a: { kind: 'file', mode: 0o644, size: 1, mtimeMs } });
    expect(await diffManifests(plain(1), plain(1))).toEqual([]);
    expect(await diffManifests(plain(1), plain(2))).toMatchObject([{ change: 'modified' }]);
  });
});
