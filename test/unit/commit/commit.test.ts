import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { InvalidOptionsError, TaskAbortedError } from '../../../src/base/errors.js';
import {
  applyCommit,
  CommitConflictError,
  CommitError,
  CommitFlaggedError,
  CommitRefusedError,
  prepareCommit,
  readCommits,
  recoverCommit,
  type Snapshot,
} from '../../../src/commit/index.js';
import { snapshotOf, stateOf } from '../../helpers/commit-trees.js';
import { modeOf, readTree, type Tree, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();
const target = (...names: string[]) => temp('target', ...names);

/** A seed, the target with a copy of it, and a sandbox's result. */
async function trees(
  base: Tree,
  result: Tree,
  modes: { base?: Record<string, number>; result?: Record<string, number> } = {},
) {
  const from = await snapshotOf(temp('base'), base, modes.base);
  cpSync(temp('base'), target(), { recursive: true, verbatimSymlinks: true });
  return { base: from, result: await snapshotOf(temp('result'), result, modes.result), target: target() };
}

const BASE: Tree = { 'a.txt': 'one\n', src: { 'm.py': 'x = 1\n', 'gone.py': 'y\n' }, docs: { 'i.md': '#\n' } };

/** The error of a promise that must reject, checked to have changed nothing in the target. */
async function rejection(work: () => Promise<unknown>): Promise<Error> {
  const before = existsSync(target()) ? stateOf(target()) : undefined;
  const error = await work().then(
    () => expect.fail('should have been rejected'),
    (reason: Error) => reason,
  );
  expect(existsSync(target()) ? stateOf(target()) : undefined).toEqual(before);
  return error;
}

describe('applying a plan', () => {
  it('adds, modifies, deletes and changes permissions, and leaves the rest alone', async () => {
    const result: Tree = {
      'a.txt': 'two\n',
      src: { 'm.py': 'x = 1\n' },
      new: { deep: { 'n.txt': 'n' }, empty: {} },
      l: 'link:a.txt',
    };
    const sources = await trees(BASE, result, { base: { 'src/m.py': 0o644 }, result: { 'src/m.py': 0o600 } });
    writeFileSync(target('own.txt'), 'mine');
    const plan = await prepareCommit(sources);
    expect(plan.changes.map(({ path, change }) => `${change} ${path}`)).toEqual([
      'modified a.txt',
      'deleted docs',
      'deleted docs/i.md',
      'added l',
      'added new',
      'added new/deep',
      'added new/deep/n.txt',
      'added new/empty',
      'deleted src/gone.py',
      'mode-changed src/m.py',
    ]);
    const receipt = await applyCommit(plan);
    expect(readTree(target())).toMatchObject({ ...result, 'own.txt': 'mine' });
    expect(existsSync(target('docs'))).toBe(false);
    expect(existsSync(target('src/gone.py'))).toBe(false);
    expect(modeOf(target('src/m.py'))).toBe(0o600);
    expect(receipt).toMatchObject({
      id: plan.id,
      counts: { added: 5, modified: 1, deleted: 3, 'mode-changed': 1 },
      bytes: 5,
    });
    expect(await readCommits(target())).toMatchObject([{ id: plan.id, state: 'committed', changes: 10 }]);
    expect(existsSync(target('.ripcord'))).toBe(false);
  });

  it('turns files into directories and links, and back', async () => {
    const base: Tree = { f: 'file', d: { x: '1', e: { y: '2' } }, l: 'link:f', g: 'g' };
    const result: Tree = { f: { now: 'a directory' }, d: 'now a file', l: { sub: 's' }, g: 'link:d' };
    await applyCommit(await prepareCommit(await trees(base, result)));
    expect(readTree(target())).toEqual(result);
  });

  it('does nothing, and leaves nothing, where nothing changed', async () => {
    const receipt = await applyCommit(await prepareCommit(await trees(BASE, BASE)));
    expect(receipt).toMatchObject({ changes: [], bytes: 0 });
    expect(existsSync(target('.ripcord'))).toBe(false);
  });

  it('makes a target that is not there', async () => {
    const sources = {
      base: await snapshotOf(temp('base'), {}),
      result: await snapshotOf(temp('result'), { a: { b: 'c' } }),
    };
    await applyCommit(await prepareCommit({ ...sources, target: temp('x/y/z') }));
    expect(readFileSync(temp('x/y/z/a/b'), 'utf8')).toBe('c');
  });

  it('needs a directory for a target, and a link to one will do', async () => {
    const { base, result } = await trees({ a: '1' }, { a: '2' });
    writeFileSync(temp('file'), 'f');
    await expect(prepareCommit({ base, result, target: temp('file') })).rejects.toMatchObject({
      code: 'not-a-directory',
    });
    await expect(prepareCommit({ base, result, target: temp('file/x') })).rejects.toMatchObject({
      code: 'not-a-directory',
    });
    symlinkSync(target(), temp('link'));
    await applyCommit(await prepareCommit({ base, result, target: temp('link') }));
    expect(readFileSync(target('a'), 'utf8')).toBe('2');
  });

  it('keeps binary content exact', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
    const plan = await prepareCommit(await trees({ b: 'text' }, { b: bytes }));
    expect(plan.changes).toMatchObject([{ path: 'b', binary: true }]);
    await applyCommit(plan);
    expect(readFileSync(target('b')).equals(bytes)).toBe(true);
  });

  it('keeps what the host has of permissions where the sandbox did not change them', async () => {
    const sources = await trees(
      { a: '1', s: '#!/bin/sh' },
      { a: '2', s: '#!/bin/bash' },
      { base: { s: 0o755 }, result: { s: 0o755 } },
    );
    chmodSync(target('a'), 0o664);
    chmodSync(target('s'), 0o775);
    await applyCommit(await prepareCommit(sources));
    expect(modeOf(target('a'))).toBe(0o664);
    expect(modeOf(target('s'))).toBe(0o775);
  });

  it('never lets others write what the sandbox made writable, nor keeps special bits', async () => {
    const sources = await trees({ a: '1' }, { a: '2', n: 'n' }, { result: { a: 0o666, n: 0o6666 } });
    await applyCommit(await prepareCommit(sources));
    expect(modeOf(target('a')) & 0o022).toBe(0);
    expect(modeOf(target('n')) & 0o7022).toBe(0);
  });

  it('takes a name apart from others on the host that only differ in case, once the old one goes', async () => {
    await applyCommit(await prepareCommit(await trees({ Readme: 'r' }, { README: 'r' })));
    expect(Object.keys(readTree(target())).sort()).toEqual(['README']);
  });

  it('keeps a directory that was deleted but holds what the sandbox never had', async () => {
    const sources = await trees({ d: { e: { f: '1' }, g: '2' } }, {});
    writeFileSync(target('d/e/.env'), 'secret');
    const receipt = await applyCommit(await prepareCommit(sources));
    expect(readTree(target())).toMatchObject({ d: { e: { '.env': 'secret' } } });
    expect(Object.keys(readTree(target('d')))).toEqual(['e']);
    expect(receipt.kept).toEqual(['d', 'd/e']);
  });

  it('breaks a hard link on the host instead of writing through it', async () => {
    const sources = await trees({ a: '1' }, { a: '2' });
    linkSync(target('a'), temp('other-name'));
    await applyCommit(await prepareCommit(sources));
    expect(readFileSync(temp('other-name'), 'utf8')).toBe('1');
  });

  it.runIf(process.getuid?.() === 0)('as root leaves files to their owner', async () => {
    const sources = await trees({ a: '1', d: { x: '1' } }, { a: '2', d: { x: '1', n: 'n', e: { m: 'm' } } });
    execFileSync('chown', ['-R', '1234:1235', target()]);
    await applyCommit(await prepareCommit(sources));
    for (const name of ['a', 'd/n', 'd/e']) expect(statSync(target(name))).toMatchObject({ uid: 1234, gid: 1235 });
  });
});

describe('a target that changed meanwhile', () => {
  const result: Tree = { 'a.txt': 'two\n', src: { 'm.py': 'x = 2\n' }, docs: { 'i.md': '#\n' }, n: { t: 'new' } };
  const cases: [string, () => void, string[]][] = [
    ['content', () => writeFileSync(target('a.txt'), 'mine'), ['a.txt']],
    ['content of what is deleted', () => writeFileSync(target('src/gone.py'), 'z'), ['src/gone.py']],
    ['permissions', () => chmodSync(target('a.txt'), 0o755), ['a.txt']],
    ['kind', () => (unlinkSync(target('a.txt')), symlinkSync('docs', target('a.txt'))), ['a.txt']],
    ['vanished', () => unlinkSync(target('a.txt')), ['a.txt']],
    ['directory vanished', () => rmSync(target('src'), { recursive: true }), ['src/m.py']],
    ['appeared', () => (mkdirSync(target('n')), writeFileSync(target('n/t'), 'other')), ['n/t']],
    ['appeared as another kind', () => writeFileSync(target('n'), 'other'), ['n', 'n/t']],
    [
      'two of them',
      () => (writeFileSync(target('a.txt'), '0'), writeFileSync(target('src/m.py'), '0')),
      ['a.txt', 'src/m.py'],
    ],
  ];

  it.each(cases)('is a conflict that names the files and writes nothing: %s', async (_, change, paths) => {
    const sources = await trees(BASE, result);
    change();
    const plan = await prepareCommit(sources);
    expect(plan.conflicts.map(({ path }) => path)).toEqual(paths);
    const error = await rejection(() => applyCommit(plan));
    expect(error).toBeInstanceOf(CommitConflictError);
    expect(error).toMatchObject({ code: 'commit-conflict' });
    for (const path of paths) expect(error.message).toContain(path);
    expect(existsSync(target('.ripcord'))).toBe(false);
  });

  it.each(cases)('is a conflict when it changes between the plan and its application: %s', async (_, change) => {
    const plan = await prepareCommit(await trees(BASE, result));
    expect(plan.conflicts).toEqual([]);
    change();
    expect(await rejection(() => applyCommit(plan))).toBeInstanceOf(CommitConflictError);
    expect(existsSync(target('.ripcord'))).toBe(false);
  });

  it('is none where both sides made the same change', async () => {
    const sources = await trees(BASE, { ...result, 'run.sh': 'x' }, { result: { 'run.sh': 0o755 } });
    writeFileSync(target('a.txt'), 'two\n');
    unlinkSync(target('src/gone.py'));
    writeFileSync(target('run.sh'), 'x');
    chmodSync(target('run.sh'), 0o775);
    const receipt = await applyCommit(await prepareCommit(sources), { allowRules: ['executable'] });
    expect(receipt.alreadyThere).toEqual(['a.txt', 'run.sh', 'src/gone.py']);
    expect(receipt.changes.map(({ path }) => path)).toEqual(['n', 'n/t', 'src/m.py']);
  });

  it('is none where other files changed', async () => {
    const sources = await trees(BASE, result);
    writeFileSync(target('docs/i.md'), 'mine');
    writeFileSync(target('src/other.py'), 'mine');
    await applyCommit(await prepareCommit(sources));
    expect(readTree(target())).toMatchObject({
      docs: { 'i.md': 'mine' },
      src: { 'other.py': 'mine', 'm.py': 'x = 2\n' },
    });
  });

  it('is one where a directory to be replaced holds what the sandbox never had', async () => {
    const sources = await trees({ d: { x: '1' } }, { d: 'file' });
    writeFileSync(target('d/mine'), 'm');
    expect((await prepareCommit(sources)).conflicts.map(({ path }) => path)).toEqual(['d']);
  });
});

describe('what is never written', () => {
  const none: Tree = {};
  const withEntry = async (path: string, entry: object): Promise<Snapshot> => {
    const result = await snapshotOf(temp('result'), {});
    result.manifest.set(path, { kind: 'file', mode: 0o644, size: 0, mtimeMs: 0, sha256: 'x', ...entry });
    return result;
  };

  it.each([
    ['../out', {}],
    ['/etc/cron.d/x', {}],
    ['a/../../out', {}],
    ['a\0b', {}],
    ['', {}],
    ['dev', { kind: 'other' }],
    ['l', { kind: 'link', linkTarget: '/etc/passwd' }],
    ['l', { kind: 'link', linkTarget: '../out' }],
    ['d/l', { kind: 'link', linkTarget: 'a/../../..' }],
    ['.RIPCORD/journal.json', {}],
    ['.ripcord', {}],
    ['.ripcord-mine', {}],
    ['.ripcord.json', {}],
  ])('%j %j', async (path, entry) => {
    const base = await snapshotOf(temp('base'), none);
    mkdirSync(target());
    const plan = await prepareCommit({ base, result: await withEntry(path, entry), target: target() });
    expect(plan.refused).toHaveLength(1);
    const error = await rejection(() => applyCommit(plan));
    expect(error).toBeInstanceOf(CommitRefusedError);
    expect(readdirSync(target())).toEqual([]);
    expect(existsSync(temp('out'))).toBe(false);
  });

  it('is anything behind a link on the host, even one made after the plan', async () => {
    const sources = await trees({ d: { x: '1' } }, { d: { x: '2', y: 'new' } });
    const plan = await prepareCommit(sources);
    mkdirSync(temp('outside'));
    writeFileSync(temp('outside/x'), '1');
    renameSync(target('d'), target('d.real'));
    symlinkSync(temp('outside'), target('d'));
    expect(await rejection(() => applyCommit(plan))).toBeInstanceOf(CommitRefusedError);
    expect((await prepareCommit(sources)).refused).toHaveLength(2);
    expect(readTree(temp('outside'))).toEqual({ x: '1' });
  });

  it('is a link that leads outside through a link only the host has', async () => {
    const sources = await trees({ a: '1' }, { a: '1', l: 'link:inner/passwd' });
    symlinkSync('etc', target('inner'));
    symlinkSync('/etc', target('etc'));
    expect((await prepareCommit(sources)).refused).toMatchObject([{ path: 'l' }]);
  });

  it.each([
    ['README', 'readme'],
    ['caf\u00e9', 'cafe\u0301'],
    ['stra\u00dfe', 'STRASSE'],
  ])('is one of two names some file systems take for one: %s, %s', async (first, second) => {
    const sources = await trees({ [first]: '1' }, { [first]: '1', [second]: '2' });
    const plan = await prepareCommit(sources);
    expect(plan.refused).toMatchObject([{ path: expect.any(String), reason: expect.stringContaining('same name as') }]);
    const both = await prepareCommit({ ...sources, base: await snapshotOf(temp('empty'), {}), target: temp('t2') });
    expect(both.refused).toHaveLength(1);
  });

  it('can be left out instead', async () => {
    const sources = await trees({ v: { bin: { python: 'x' } } }, { v: 'link:/usr', ok: 'ok' });
    const plan = await prepareCommit(sources);
    const receipt = await applyCommit(plan, { onRefused: 'report' });
    expect(receipt.refused).toMatchObject([{ path: 'v', reason: expect.stringContaining('outside') }]);
    expect(readTree(target())).toMatchObject({ v: { bin: { python: 'x' } }, ok: 'ok' });
  });

  it('is a target whose .ripcord is a link', async () => {
    const plan = await prepareCommit(await trees({ a: '1' }, { a: '2' }));
    mkdirSync(temp('outside'));
    symlinkSync(temp('outside'), target('.ripcord'));
    expect(await rejection(() => applyCommit(plan))).toMatchObject({ code: 'commit-refused' });
    expect(readdirSync(temp('outside'))).toEqual([]);
  });
});

describe('files that run on the host', () => {
  const flaggedPaths = [
    '.git/hooks/pre-commit', '.git/config', 'sub/.git', '.GIT/config', '.g\u200cit/config', '.gitattributes',
    '.gitmodules', '.envrc', '.vscode/tasks.json', 'pkg/.idea/workspace.xml', '.bashrc', 'home/.zshenv', '.profile',
    '.npmrc', 'pkg/.yarnrc.yml', '.mcp.json', '.claude/settings.json', '.cursor/mcp.json', 'AGENTS.md',
    '.github/workflows/ci.yml', '.GitHub/Workflows/ci.yml', '.gitlab-ci.yml', '.husky/pre-commit', '.cargo/config.toml',
    'sitecustomize.py', 'lib/x.pth', '.ssh/authorized_keys', '.pre-commit-config.yaml', 'x.code-workspace', 'binding.gyp',
    '.devcontainer/devcontainer.json', 'run.desktop',
  ]; // biome-ignore format: a list

  function treeWith(path: string, content = 'x'): Tree {
    const [first, ...rest] = path.split('/');
    return { [first!]: rest.length === 0 ? content : treeWith(rest.join('/'), content) };
  }

  it.each(flaggedPaths)('are not written unless allowed: %s', async (path) => {
    const sources = await trees({}, treeWith(path));
    const plan = await prepareCommit(sources);
    expect(plan.flagged.map((flag) => flag.path)).toContain(path);
    const error = await rejection(() => applyCommit(plan));
    expect(error).toBeInstanceOf(CommitFlaggedError);
    expect((error as CommitFlaggedError).flagged.every(({ reason }) => reason.length > 5)).toBe(true);
    expect(existsSync(target('.ripcord'))).toBe(false);
    const receipt = await applyCommit(plan, { allow: [`/${path.split('/')[0]}`] });
    expect(receipt.allowed.length).toBe(plan.flagged.length);
    expect(readFileSync(target(path), 'utf8')).toBe('x');
  });

  it.each([
    'Makefile',
    'conftest.py',
    'pyproject.toml',
    'setup.py',
    'Dockerfile',
    '.gitignore',
    '.env',
    'src/git.py',
    'package-lock.json',
    'profile',
  ])('are not what a person runs by running the project: %s', async (path) => {
    expect((await prepareCommit(await trees({}, treeWith(path)))).flagged).toEqual([]);
  });

  const pkg = (more: object) => JSON.stringify({ name: 'x', ...more });
  it.each([
    ['scripts added', pkg({}), pkg({ scripts: { postinstall: 'x' } }), true],
    ['scripts changed', pkg({ scripts: { test: 'a' } }), pkg({ scripts: { test: 'b' } }), true],
    ['scripts the same', pkg({ scripts: { test: 'a' } }), pkg({ scripts: { test: 'a' }, version: '2.0.0' }), false],
    ['new without scripts', undefined, pkg({ dependencies: {} }), false],
    ['new with scripts', undefined, pkg({ scripts: { preinstall: 'x' } }), true],
    ['not JSON', pkg({}), '{ scripts: ', true],
  ])('package.json: %s', async (_, before, after, isFlagged) => {
    const base: Tree = before === undefined ? {} : { 'package.json': before };
    const { flagged } = await prepareCommit(await trees(base, { 'package.json': after }));
    expect(flagged.map(({ rule }) => rule)).toEqual(isFlagged ? ['package-scripts'] : []);
  });

  it('are those that become executable', async () => {
    const result: Tree = { a: '1', run: 'x', old: '2' };
    const sources = await trees({ a: '1', old: '1' }, result, {
      base: { old: 0o755 },
      result: { a: 0o755, run: 0o755, old: 0o755 },
    });
    const plan = await prepareCommit(sources);
    expect(plan.flagged.map(({ path, rule }) => `${rule} ${path}`)).toEqual(['executable a', 'executable run']);
    expect(await rejection(() => applyCommit(plan, { allow: ['run'] }))).toMatchObject({ flagged: [{ path: 'a' }] });
    await applyCommit(plan, { allowRules: ['executable'] });
    expect(modeOf(target('run')) & 0o111).not.toBe(0);
  });

  it('are in a bare repository hidden in the tree', async () => {
    const plan = await prepareCommit(await trees({}, { x: { HEAD: 'ref', config: '[core]', objects: {}, refs: {} } }));
    expect(plan.flagged.map(({ path }) => path)).toEqual(['x/HEAD', 'x/config', 'x/objects', 'x/refs']);
  });

  it('can be allowed all but some', async () => {
    const plan = await prepareCommit(await trees({}, { '.vscode': { a: '1' }, '.envrc': 'x' }));
    expect(await rejection(() => applyCommit(plan, { allow: ['*', '!.envrc'] }))).toMatchObject({
      flagged: [{ path: '.envrc' }],
    });
  });
});

describe('what is part of a commit', () => {
  it('is not what is new and the seed ignores, nor what the caller leaves out', async () => {
    const base: Tree = { '.gitignore': '__pycache__/\n*.log\n', 'kept.log': 'tracked' };
    const result: Tree = {
      '.gitignore': '__pycache__/\n*.log\n',
      'kept.log': 'changed',
      'a.log': 'new',
      p: { __pycache__: { 'x.pyc': 'x' }, 'm.py': 'm' },
      tmp: { x: 'x' },
    };
    const sources = await trees(base, result);
    const plan = await prepareCommit(sources, { ignore: ['tmp/'] });
    expect(plan.changes.map(({ path }) => path)).toEqual(['kept.log', 'p', 'p/m.py']);
    expect(plan.ignored).toEqual(['a.log', 'p/__pycache__', 'tmp']);
    expect((await prepareCommit(sources, { gitignore: false, defaultIgnores: false })).changes).toHaveLength(8);
  });

  it('is not decided by a .gitignore the sandbox wrote', async () => {
    const plan = await prepareCommit(await trees({}, { '.gitignore': '*\n', a: '1' }));
    expect(plan.changes.map(({ path }) => path)).toEqual(['.gitignore', 'a']);
  });

  it('is bounded in number and size', async () => {
    const sources = await trees({}, { a: 'x'.repeat(100), b: 'y' });
    await expect(prepareCommit(sources, { maxEntries: 1 })).rejects.toMatchObject({ code: 'too-many-entries' });
    await expect(prepareCommit(sources, { maxBytes: 100 })).rejects.toMatchObject({ code: 'file-too-large' });
  });

  it('has options that are checked', async () => {
    const sources = await trees({}, { a: '1' });
    await expect(prepareCommit(sources, { maxEntires: 1 } as object)).rejects.toThrow("did you mean 'maxEntries'");
    const plan = await prepareCommit(sources);
    await expect(applyCommit(plan, { alow: [] } as object)).rejects.toBeInstanceOf(InvalidOptionsError);
  });
});

describe('a result that changes after the plan', () => {
  it.each([
    ['another content', () => writeFileSync(temp('result/a'), 'evil')],
    ['the same size', () => writeFileSync(temp('result/a'), '3')],
    ['a link', () => (unlinkSync(temp('result/a')), symlinkSync('/etc/hostname', temp('result/a')))],
    ['gone', () => unlinkSync(temp('result/a'))],
  ])('is not written: %s', async (_, change) => {
    const plan = await prepareCommit(await trees({ a: '1', b: '1' }, { a: '2', b: '2' }));
    change();
    expect(await rejection(() => applyCommit(plan))).toMatchObject({ code: 'workspace-changed' });
    expect(existsSync(target('.ripcord'))).toBe(false);
  });
});

describe('an abort', () => {
  it('before anything is written leaves the target as it was', async () => {
    const plan = await prepareCommit(await trees(BASE, { 'a.txt': 'two' }));
    const error = await rejection(() => applyCommit(plan, { signal: AbortSignal.abort(new Error('enough')) }));
    expect(error).toBeInstanceOf(TaskAbortedError);
    expect(error.cause).toMatchObject({ message: 'enough' });
  });

  it('at any check rolls back, and the journal says so', async () => {
    const sources = await trees(BASE, { 'a.txt': 'two', n: { m: 'x' }, docs: 'now a file' });
    let rolledBack = 0;
    for (let check = 1; ; check += 1) {
      const plan = await prepareCommit(sources);
      let left = check;
      const signal = new AbortController().signal;
      Object.defineProperty(signal, 'aborted', { get: () => --left <= 0 });
      Object.defineProperty(signal, 'throwIfAborted', { value: () => expect.fail('another error than ours') });
      if (check > 200) expect.fail('never completes');
      const before = stateOf(target());
      const result = await applyCommit(plan, { signal }).catch((error: unknown) => error);
      if (!(result instanceof Error)) break;
      expect(result).toBeInstanceOf(TaskAbortedError);
      expect(stateOf(target())).toEqual(before);
      const state = (await readCommits(target())).find(({ id }) => id === plan.id)?.state;
      if (state !== undefined) rolledBack += Number(state === 'rolled-back');
      expect(['rolled-back', undefined]).toContain(state);
      expect(await recoverCommit(target())).toMatchObject({ outcome: 'nothing' });
    }
    expect(rolledBack).toBeGreaterThan(3);
    expect(readTree(target())).toMatchObject({ 'a.txt': 'two', docs: 'now a file' });
  });
});

describe('two commits to one target', () => {
  it('are made one after the other', async () => {
    const base = await snapshotOf(temp('base'), {});
    mkdirSync(target());
    const plans = await Promise.all(
      Array.from({ length: 8 }, async (_, i) =>
        prepareCommit({
          base,
          result: await snapshotOf(temp(`r${i}`), { shared: `${i}`, [`own${i}`]: 'x' }),
          target: target(),
        }),
      ),
    );
    const results = await Promise.allSettled(plans.map((plan) => applyCommit(plan)));
    const won = results.findIndex(({ status }) => status === 'fulfilled');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CommitConflictError);
    expect(readTree(target())).toEqual({ shared: `${won}`, [`own${won}`]: 'x' });
  });

  it('wait for each other only so long', async () => {
    const plan = await prepareCommit(await trees({}, { a: '1' }));
    const lock = target('.ripcord/lock');
    mkdirSync(lock, { recursive: true });
    writeFileSync(target('.ripcord/.gitignore'), '*\n');
    const { currentOwner, formatOwner } = await import('../../../src/base/owner.js');
    writeFileSync(`${lock}/owner`, `${'a'.repeat(18)} ${formatOwner(currentOwner())}`);
    const error = await rejection(() => applyCommit(plan, { lockTimeoutMs: 60 }));
    expect(error).toBeInstanceOf(CommitError);
    expect(error).toMatchObject({ code: 'commit-busy', message: expect.stringContaining(`process ${process.pid}`) });
  });

  it("do not wait for a lock that lost its owner's name to a power cut", async () => {
    const plan = await prepareCommit(await trees({}, { a: '1' }));
    mkdirSync(target('.ripcord/lock'), { recursive: true });
    writeFileSync(target('.ripcord/lock/owner'), '');
    await expect(applyCommit(plan, { lockTimeoutMs: 30 })).rejects.toMatchObject({ code: 'commit-busy' });
    const long = new Date(Date.now() - 3_600_000);
    utimesSync(target('.ripcord/lock'), long, long);
    await applyCommit(plan, { lockTimeoutMs: 0 });
    expect(existsSync(target('.ripcord'))).toBe(false);
  });

  it('do not wait for a dead owner', async () => {
    const plan = await prepareCommit(await trees({}, { a: '1' }));
    const lock = target('.ripcord/lock');
    mkdirSync(lock, { recursive: true });
    const { currentOwner, formatOwner } = await import('../../../src/base/owner.js');
    writeFileSync(`${lock}/owner`, `${'a'.repeat(18)} ${formatOwner({ ...currentOwner(), started: '1' })}`);
    await applyCommit(plan, { lockTimeoutMs: 0 });
    expect(existsSync(target('.ripcord'))).toBe(false);
  });
});

describe('a journal somebody else brought along', () => {
  beforeEach(() => {
    mkdirSync(target('.ripcord/commit-aaaaaaaaaaaaaaaa/old'), { recursive: true });
    mkdirSync(target('.ripcord/commit-aaaaaaaaaaaaaaaa/new'));
    mkdirSync(target('.git/hooks'), { recursive: true });
  });

  it('is not obeyed', async () => {
    const id = 'aaaaaaaaaaaaaaaa';
    const entry = { id, state: 'applying', changes: 1, startedAt: 'x' };
    writeFileSync(target('.ripcord/journal.json'), JSON.stringify({ version: 1, commits: [entry] }));
    writeFileSync(target(`.ripcord/commit-${id}/old/0`), '#!/bin/sh\nevil');
    const intent = JSON.stringify({ version: 1, id, steps: [{ n: 0, step: 'remove', path: '.git/hooks/pre-commit' }] });
    writeFileSync(target(`.ripcord/commit-${id}/intent`), `${'0'.repeat(64)}\n${intent}`);
    await expect(recoverCommit(target())).rejects.toMatchObject({ code: 'commit-journal-invalid' });
    expect(readdirSync(target('.git/hooks'))).toEqual([]);
  });
});

describe('links somebody else put into .ripcord', () => {
  const id = 'a'.repeat(16);
  const names = ['journal.json.partial', 'journal.json', '.gitignore', 'lock', `commit-${id}`, `committed-${id}`];

  it.each(names)('are not followed: %s', async (name) => {
    const plan = await prepareCommit(await trees({ a: '1' }, { a: '2' }));
    writeFileSync(temp('outside'), 'canary');
    mkdirSync(temp('outside.d'));
    mkdirSync(target('.ripcord'));
    symlinkSync(temp(name === 'lock' || name.endsWith(id) ? 'outside.d' : 'outside'), target('.ripcord', name));
    await applyCommit(plan, { lockTimeoutMs: 50 }).catch(() => {});
    expect(readFileSync(temp('outside'), 'utf8')).toBe('canary');
    expect(readdirSync(temp('outside.d'))).toEqual([]);
  });
});

describe('recovery', () => {
  it('has nothing to do where nothing ever was', async () => {
    expect(await recoverCommit(temp('nowhere'))).toEqual({ outcome: 'nothing', commits: [], displaced: [] });
    mkdirSync(target());
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'nothing' });
    expect(readdirSync(target())).toEqual([]);
    expect(await readCommits(target())).toEqual([]);
    expect(lstatSync(target()).isDirectory()).toBe(true);
  });
});
