/** The history of finished commits stands outside of the target, and the target keeps nothing of Ripcord. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentOwner, formatOwner } from '../../../src/base/owner.js';
import { projectFile } from '../../../src/commit/history/project-file.js';
import { sealed } from '../../../src/commit/history/sealed-file.js';
import { ownStateDirectory } from '../../../src/commit/history/state-home.js';
import { applyCommit, prepareCommit, readCommits, recoverCommit } from '../../../src/commit/index.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { modeOf, readTree, type Tree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const target = (...names: string[]) => temp('target', ...names);
const history = (...names: string[]) => temp('state/ripcord/commits', ...names);
const isRoot = process.getuid?.() === 0;

beforeEach(() => void vi.stubEnv('XDG_STATE_HOME', temp('state')));
afterEach(() => void vi.unstubAllEnvs());

let results = 0;

/** Commits `a` with this content, and nothing else. */
async function commit(content: string, to = target()) {
  const before: Tree = existsSync(path.join(to, 'a')) ? { a: readFileSync(path.join(to, 'a')) } : {};
  const base = await snapshotOf(temp(`base${++results}`), before);
  const result = await snapshotOf(temp(`result${results}`), { a: content });
  return applyCommit(await prepareCommit({ base, result, target: to }));
}

const fileOf = (of: string): string => history(projectFile(realpathSync(of)));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

describe('the place of the history', () => {
  it.each([
    [{ XDG_STATE_HOME: '/x' }, '/x/ripcord'],
    [{ XDG_STATE_HOME: '/x', HOME: '/h' }, '/x/ripcord'],
    [{ HOME: '/h' }, '/h/.local/state/ripcord'],
    [{ XDG_STATE_HOME: '', HOME: '/h' }, '/h/.local/state/ripcord'],
    // The specification: paths that are not absolute are ignored.
    [{ XDG_STATE_HOME: 'x/y', HOME: '/h' }, '/h/.local/state/ripcord'],
    [{ XDG_STATE_HOME: '~/x', HOME: '/h' }, '/h/.local/state/ripcord'],
  ])('%j is %s', (env, place) => {
    expect(ownStateDirectory(env)).toBe(place);
  });

  it.each([{}, { HOME: '' }, { HOME: 'h' }, { TMPDIR: '/tmp', RIPCORD_STATE_DIR: '/tmp/r' }])('%j has none', (env) => {
    expect(() => ownStateDirectory(env)).toThrow('neither XDG_STATE_HOME nor HOME is set to an absolute path');
  });

  it.each([
    ['/home/me/project', /^project-[0-9a-f]{16}\.json$/],
    ['/', /^root-[0-9a-f]{16}\.json$/],
    ['/x/a b\n$(c)', /^a_b_c_-[0-9a-f]{16}\.json$/],
    ['/x/...', /^root-[0-9a-f]{16}\.json$/],
    ['/x/проект', /^проект-[0-9a-f]{16}\.json$/],
    [`/x/${'😀é'.repeat(60)}`, /^.{1,40}-[0-9a-f]{16}\.json$/u],
  ])('of %j has a name that people know', (of, name) => {
    expect(projectFile(of)).toMatch(name);
    expect(Buffer.byteLength(projectFile(of))).toBeLessThan(250);
    expect(projectFile(`${of}/../`)).not.toBe(projectFile(of));
  });
});

describe('after a commit', () => {
  it('nothing of it is in the target, and the history is for its user alone', async () => {
    const umask = process.umask(0);
    try {
      const receipt = await commit('1');
      expect(receipt).not.toHaveProperty('historyProblem');
    } finally {
      process.umask(umask);
    }
    expect(readTree(target())).toEqual({ a: '1' });
    expect(readdirSync(history())).toEqual([path.basename(fileOf(target()))]);
    expect(read(fileOf(target()))).toMatchObject({ target: realpathSync(target()), commits: [{ state: 'committed' }] });
    for (const made of ['state', 'state/ripcord', 'state/ripcord/commits']) expect(modeOf(temp(made))).toBe(0o700);
    expect(modeOf(fileOf(target()))).toBe(0o600);
  });

  it('a state directory that others could read is closed', async () => {
    mkdirSync(history(), { recursive: true });
    for (const open of [temp('state/ripcord'), history()]) chmodSync(open, 0o755);
    await commit('1');
    expect([modeOf(temp('state/ripcord')), modeOf(history())]).toEqual([0o700, 0o700]);
  });

  it('the same target has one history, by whichever link', async () => {
    await commit('1');
    symlinkSync(target(), temp('link'));
    await commit('2', temp('link'));
    expect(readdirSync(history())).toHaveLength(1);
    expect(await readCommits(target())).toHaveLength(2);
    expect(await readCommits(temp('link'))).toEqual(await readCommits(target()));
  });

  it('a target that is moved begins a new history', async () => {
    await commit('1');
    renameSync(target(), temp('moved'));
    expect(await readCommits(temp('moved'))).toEqual([]);
    await commit('2', temp('moved'));
    expect(await readCommits(temp('moved'))).toHaveLength(1);
    expect(readdirSync(history())).toHaveLength(2);
  });

  it('git sees the changes, and nothing else', async () => {
    mkdirSync(target());
    execFileSync('git', ['init', '-q', target()]);
    await commit('1');
    const status = execFileSync('git', ['-C', target(), 'status', '--porcelain', '--ignored'], { encoding: 'utf8' });
    expect(status).toBe('?? a\n');
  });

  it('a refused and an aborted one leave nothing either', async () => {
    const base = await snapshotOf(temp('base'), {});
    const result = await snapshotOf(temp('result'), { a: '1', b: '2' });
    mkdirSync(target());
    const plan = await prepareCommit({ base, result, target: target() });
    writeFileSync(target('a'), 'mine');
    await expect(applyCommit(plan)).rejects.toMatchObject({ code: 'commit-conflict' });
    expect(readTree(target())).toEqual({ a: 'mine' });
    expect(existsSync(temp('state'))).toBe(false);
  });

  it('many at once, to one target and to others, leave whole histories and no directory', async () => {
    const targets = Array.from({ length: 6 }, (_, index) => temp(`t${index % 3}`));
    for (let round = 0; round < 5; round += 1) {
      const plans = await Promise.all(
        targets.map(async (to, index) => {
          const result = await snapshotOf(temp(`r${round}-${index}`), { [`f${round}-${index}`]: 'x' });
          return prepareCommit({ base: { manifest: new Map(), directory: undefined }, result, target: to });
        }),
      );
      await Promise.all(plans.map((plan) => applyCommit(plan)));
    }
    for (const to of new Set(targets)) {
      expect(await readCommits(to)).toHaveLength(10);
      expect(readdirSync(to).filter((name) => name.startsWith('.'))).toEqual([]);
    }
    expect(readdirSync(history()).filter((name) => !name.endsWith('.json'))).toEqual([]);
  });
});

describe('the size of the history', () => {
  it('is a hundred commits', async () => {
    await commit('0');
    const file = fileOf(target());
    const [entry] = read(file).commits;
    const commits = Array.from({ length: 100 }, (_, n) => ({ ...entry, id: String(n).padStart(16, '0') }));
    writeFileSync(file, JSON.stringify({ ...read(file), commits }));
    const { id } = await commit('1');
    const kept = await readCommits(target());
    expect(kept).toHaveLength(100);
    expect([kept[0]!.id, kept.at(-1)!.id]).toEqual(['1'.padStart(16, '0'), id]);
  });

  it('is a thousand targets, without those that had no commit for longest', async () => {
    mkdirSync(history(), { recursive: true });
    for (let n = 0; n < 1000; n += 1) {
      writeFileSync(history(`p${n}.json`), '{}');
      utimesSync(history(`p${n}.json`), 1_000_000 + n, 1_000_000 + n);
    }
    await commit('1');
    const names = readdirSync(history());
    expect(names).toHaveLength(1000);
    expect(names).toContain(path.basename(fileOf(target())));
    expect(names).not.toContain('p0.json');
    expect(names).toContain('p1.json');
  });
});

describe('a history that cannot be kept does not fail the commit, and is told', () => {
  const cases: [string, RegExp, () => void][] = [
    [
      'no HOME',
      /^neither XDG_STATE_HOME nor HOME is set/,
      () => (vi.stubEnv('XDG_STATE_HOME', undefined), vi.stubEnv('HOME', undefined)),
    ],
    [
      'a HOME that is not there',
      /^HOME \(.*nowhere\) is not a directory/,
      () => (vi.stubEnv('XDG_STATE_HOME', undefined), vi.stubEnv('HOME', temp('nowhere'))),
    ],
    ['a file in its place', /EEXIST|ENOTDIR/, () => writeFileSync(temp('state'), '')],
    ['a file system that takes none', /\/proc\/ripcord/, () => vi.stubEnv('XDG_STATE_HOME', '/proc/ripcord')],
    [
      'what is no history',
      /is not valid: it cannot be read/,
      () => (mkdirSync(history(), { recursive: true }), writeFileSync(fileOfTarget(), '{"a')),
    ],
    [
      'the history of another',
      /it belongs to \/elsewhere/,
      () => (
        mkdirSync(history(), { recursive: true }),
        writeFileSync(fileOfTarget(), JSON.stringify({ version: 1, target: '/elsewhere', commits: [] }))
      ),
    ],
    ['a link', /cannot be read/, () => (mkdirSync(history(), { recursive: true }), symlinkSync('/x', fileOfTarget()))],
    [
      'a later version',
      /cannot be read/,
      () => (
        mkdirSync(history(), { recursive: true }),
        writeFileSync(fileOfTarget(), JSON.stringify({ version: 2, target: target(), commits: [] }))
      ),
    ],
  ];
  const fileOfTarget = () => history(projectFile(path.join(realpathSync(temp()), 'target')));

  it.each(cases)('%s', async (_, why, spoil) => {
    spoil();
    mkdirSync(temp('tmp'));
    vi.stubEnv('TMPDIR', temp('tmp'));
    const receipt = await commit('1');
    expect(receipt.historyProblem).toMatch(why);
    expect(readTree(target())).toEqual({ a: '1' });
    expect(readdirSync(temp('tmp'))).toEqual([]);
    expect(existsSync(temp('nowhere'))).toBe(false);
  });

  it.runIf(isRoot)("another user's link, whom root serves under sudo", async () => {
    mkdirSync(temp('elsewhere'), { mode: 0o755 });
    mkdirSync(temp('state'));
    symlinkSync(temp('elsewhere'), temp('state/ripcord'));
    lchownSync(temp('state/ripcord'), 1000, 1000);
    expect((await commit('1')).historyProblem).toMatch(/belongs to another user$/);
    expect([modeOf(temp('elsewhere')), readdirSync(temp('elsewhere'))]).toEqual([0o755, []]);
  });

  it('and reading says which file is not valid', async () => {
    await commit('1');
    writeFileSync(fileOf(target()), 'x'.repeat(2 * 1024 ** 2));
    await expect(readCommits(target())).rejects.toMatchObject({
      code: 'commit-journal-invalid',
      message: expect.stringContaining(fileOf(target())),
    });
  });
});

describe('what an earlier version kept in the target', () => {
  const entry = (id: string, state: string) => ({
    id: id.repeat(16),
    state,
    changes: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
  });
  const formerly = (...commits: object[]) => {
    mkdirSync(target('.ripcord'), { recursive: true });
    writeFileSync(target('.ripcord/.gitignore'), '*\n');
    writeFileSync(target('.ripcord/journal.json'), JSON.stringify({ version: 1, commits }));
  };

  /** A commit of `a` from old to new, half made, as an earlier version leaves it. */
  const interrupted = async (id: string) => {
    const steps = [{ n: 0, step: 'replace', path: 'a', written: { kind: 'file', sha256: sha256('new') } }];
    const intent = await sealed(JSON.stringify({ version: 1, id: id.repeat(16), steps }));
    writeTree(target(), { a: 'new' });
    writeTree(target('.ripcord', `commit-${id.repeat(16)}`), { intent, new: {}, old: { 0: 'old' } });
  };

  it('is read where it is, and moved by the next commit', async () => {
    formerly(entry('a', 'committed'), entry('b', 'rolled-back'));
    writeFileSync(target('.ripcord/journal.json.partial'), '{');
    expect(await readCommits(target())).toMatchObject([{ state: 'committed' }, { state: 'rolled-back' }]);
    await prepareCommit({
      base: await snapshotOf(temp('b'), {}),
      result: await snapshotOf(temp('r'), {}),
      target: target(),
    });
    expect(existsSync(target('.ripcord/journal.json'))).toBe(true);
    const before = await readCommits(target());
    const { id } = await commit('1');
    expect(readTree(target())).toEqual({ a: '1' });
    expect(await readCommits(target())).toEqual([...before, expect.objectContaining({ id, state: 'committed' })]);
  });

  it('stays where the history cannot be kept', async () => {
    formerly(entry('a', 'committed'));
    vi.stubEnv('XDG_STATE_HOME', '/proc/ripcord');
    expect(await commit('1')).toMatchObject({ historyProblem: expect.any(String) });
    expect(readdirSync(target('.ripcord')).sort()).toEqual(['.gitignore', 'journal.json']);
    expect(await readCommits(target())).toHaveLength(1);
  });

  it('is undone where a commit was half made', async () => {
    formerly(entry('a', 'committed'), entry('c', 'applying'));
    await interrupted('c');
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'rolled-back', commits: ['c'.repeat(16)] });
    expect(readTree(target())).toEqual({ a: 'old' });
    expect(await readCommits(target())).toMatchObject([{ state: 'committed' }, { state: 'rolled-back', changes: 1 }]);
  });

  it('stays made where a commit was complete', async () => {
    formerly(entry('c', 'committed'));
    await interrupted('c');
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'completed', commits: ['c'.repeat(16)] });
    expect(readTree(target())).toEqual({ a: 'new' });
    expect(await readCommits(target())).toMatchObject([{ id: 'c'.repeat(16), state: 'committed' }]);
  });

  it('is an error where it is no journal, and where what undoing takes is gone', async () => {
    formerly(entry('c', 'applying'));
    await expect(recoverCommit(target())).rejects.toMatchObject({ code: 'commit-journal-invalid' });
    writeFileSync(target('.ripcord/journal.json'), '{');
    await expect(readCommits(target())).rejects.toMatchObject({ code: 'commit-journal-invalid' });
  });
});

describe('what a process that died left in the target, and was no commit yet,', () => {
  const dead = `${'a'.repeat(18)} ${formatOwner({ ...currentOwner(), started: '1' })}`;

  it.each([
    ['an empty directory', {}],
    ['one with our .gitignore', { '.gitignore': '*\n' }],
    ['a lock', { '.gitignore': '*\n', lock: { owner: dead } }],
    ['a lock that it waited for', { [`lock-${'b'.repeat(18)}`]: { owner: dead.replace(/a/g, 'b') } }],
    ['what it had staged', { [`commit-${'c'.repeat(16)}`]: { new: { 0: 'x' }, old: {} } }],
    ['what it had begun to remove', { [`committed-${'c'.repeat(16)}`]: { old: { 0: 'x' } } }],
  ])('is removed by whoever looks next: %s', async (_, tree) => {
    writeTree(target('.ripcord'), tree);
    expect(await recoverCommit(target())).toEqual({ outcome: 'nothing', commits: [], displaced: [] });
    expect(readdirSync(target())).toEqual([]);
  });

  it('is left to a commit that is about to begin', async () => {
    const owner = `${'a'.repeat(18)} ${formatOwner(currentOwner())}`;
    writeTree(target('.ripcord'), { '.gitignore': '*\n', lock: { owner } });
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'nothing' });
    expect(readTree(target('.ripcord'))).toEqual({ '.gitignore': '*\n', lock: { owner } });
  });

  it("is not other people's files", async () => {
    writeTree(target('.ripcord'), { 'their.toml': 'x' });
    await recoverCommit(target());
    expect(readTree(target('.ripcord'))).toEqual({ 'their.toml': 'x' });
    await commit('1');
    expect(readTree(target('.ripcord'))).toMatchObject({ 'their.toml': 'x' });
  });
});
