/** A `.ripcord` that a repository or a sandbox brought along costs a typed error: neither the process, nor its time. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyCommit, prepareCommit, readCommits, recoverCommit } from '../../../src/commit/index.js';
import { changeRefusal } from '../../../src/commit/review/refusals.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { readTree, type Tree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const target = (...names: string[]) => temp('target', ...names);
const own = (...names: string[]) => target('.ripcord', ...names);
const sparse = (file: string, size: number) => (writeFileSync(file, ''), truncateSync(file, size));
const fifo = (file: string) => execFileSync('mkfifo', [file]);

async function commit() {
  const sources = { base: await snapshotOf(temp('base'), {}), result: await snapshotOf(temp('result'), { a: '1' }) };
  return applyCommit(await prepareCommit({ ...sources, target: target() }), { lockTimeoutMs: 30 });
}

const error = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('should have been rejected'),
    (reason: Error) => reason,
  );

describe('a lock that no commit made', () => {
  const [one, two] = ['1'.repeat(18), '2'.repeat(18)];
  const owner = (token: string) => ({ owner: `${token} nobody` });
  const lock = (tree: Tree) => () => writeTree(own('lock'), tree);
  const cases: [string, () => void][] = [
    ['its own heir', lock({ ...owner(one), [one]: owner(one) })],
    ['a circle of heirs', lock({ ...owner(one), [one]: owner(two), [two]: owner(one) })],
    ['a link to itself as its heir', lock({ ...owner(one), [one]: 'link:.' })],
    [
      'ten thousand heirs',
      () => {
        const token = (n: number) => n.toString(16).padStart(18, '0');
        const heirs = Array.from({ length: 10_000 }, (_, n) => [token(n), owner(token(n + 1))]);
        writeTree(own('lock'), { ...owner(token(0)), ...Object.fromEntries(heirs) });
      },
    ],
    [
      'heirs without a name',
      () => {
        const names = Array.from({ length: 27 }, (_, n) => `${'nameless-'.repeat(n + 1)}lock`);
        writeTree(own('lock'), Object.fromEntries(names.map((name) => [name, {}])));
        const long = new Date(Date.now() - 3_600_000);
        for (const name of ['', ...names]) utimesSync(own('lock', name), long, long);
      },
    ],
    ['a link to a directory', () => writeTree(own(), { lock: 'link:/dev' })],
    ['a file', () => writeTree(own(), { lock: 'x' })],
  ];

  it.each(cases)('%s is refused by name', async (_, make) => {
    make();
    const refused = { code: 'commit-refused', message: expect.stringContaining('.ripcord/lock'), hint: /Remove/ };
    for (const attempt of [() => recoverCommit(target()), commit]) {
      expect(await error(attempt())).toMatchObject({ ...refused, hint: expect.stringMatching(refused.hint) });
    }
    expect(existsSync(target('a'))).toBe(false);
  });

  const owners: [string, (file: string) => void][] = [
    ['a link to a device', (file) => symlinkSync('/dev/zero', file)],
    ['a fifo', fifo],
    ['a directory', (file) => mkdirSync(file)],
    ['a file of 8 GiB', (file) => sparse(file, 8 * 1024 ** 3)],
  ];

  it.each(owners)('with %s for its owner is one without a name', async (_, make) => {
    mkdirSync(own('lock'), { recursive: true });
    make(own('lock/owner'));
    expect(await error(commit())).toMatchObject({ code: 'commit-busy' });
  });

  it('is walked along for no longer than the caller wants', async () => {
    lock({ ...owner(one), [one]: owner(two), [two]: owner('3'.repeat(18)) })();
    await expect(recoverCommit(target(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('an intent that no commit wrote', () => {
  const directory = `commit-${'a'.repeat(16)}`;
  const intents: [string, (file: string) => void][] = [
    ['a link', (file) => symlinkSync('/dev/zero', file)],
    ['a fifo', fifo],
    ['a directory', (file) => mkdirSync(file)],
    ['a file of 8 TiB', (file) => sparse(file, 8 * 1024 ** 4)],
    ['an empty file', (file) => writeFileSync(file, '')],
  ];

  it.each(intents)('%s is no valid journal', async (_, make) => {
    writeTree(own(directory), { new: {}, old: {} });
    make(own(directory, 'intent'));
    const invalid = { code: 'commit-journal-invalid', hint: expect.stringContaining('.ripcord') };
    for (const attempt of [() => readCommits(target()), () => recoverCommit(target()), commit]) {
      expect(await error(attempt())).toMatchObject(invalid);
    }
  });
});

describe("Ripcord's own name", () => {
  const change = (path: string) => changeRefusal({ path, change: 'added', kind: 'file' });

  it.each([
    '.ripcord', '.ripcord/lock/owner', '.ripcord-x', 'pkg/.ripcord', 'a/b/.RIPCORD/intent', 'pkg/.r\u200dipcord/lock',
  ])('%s is never written', (path) => {
    expect(change(path)).toBe("Ripcord's own name");
  }); // biome-ignore format: a table

  it.each(['ripcord', 'a/ripcord', 'a/.ripcordrc', 'a/x.ripcord'])('%s is anybody’s', (path) => {
    expect(change(path)).toBeUndefined();
  });

  it('in a package of the target refuses the commit', async () => {
    const base = await snapshotOf(temp('base'), {});
    const result = await snapshotOf(temp('result'), { pkg: { '.ripcord': { lock: { owner: 'x' } }, b: '1' } });
    const plan = prepareCommit({ base, result, target: target() });
    await expect(plan.then((made) => applyCommit(made))).rejects.toMatchObject({ code: 'commit-refused' });
    expect(existsSync(target()) ? readTree(target()) : {}).toEqual({});
  });
});
