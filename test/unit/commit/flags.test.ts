/** Files that programs of the host obey, and repositories that several commits put together. */
import { cpSync, mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { foldedName } from '../../../src/base/path-rules.js';
import { applyCommit, prepareCommit } from '../../../src/commit/index.js';
import { flagChanges } from '../../../src/commit/review/flags.js';
import { OBEYED_FILES } from '../../../src/commit/review/obeyed-files.js';
import type { Change } from '../../../src/workspace/diff.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { type Tree, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();
const after = { kind: 'file', mode: 0o644, size: 1, mtimeMs: 0, sha256: 'a' } as const;
const added = (path: string): Change => ({ path, change: 'added', kind: 'file', after });
const flagsOf = (path: string) =>
  flagChanges(
    [added(path)],
    async () => undefined,
    async () => [],
  );

describe('files that programs obey unasked', () => {
  it.each([
    ['.openhands/setup.sh', 'agent'], ['.agent/rules/x.md', 'agent'], ['QWEN.md', 'agent'], ['.kiro/hooks/a', 'agent'],
    ['.amazonq/rules/a.md', 'agent'], ['WARP.md', 'agent'], ['gptme.toml', 'agent'], ['.kilocode/rules/a.md', 'agent'],
    ['rust-analyzer.toml', 'editor'], ['.project', 'editor'], ['devfile.yaml', 'editor'], ['.bsp/sbt.json', 'editor'],
    ['hie.yaml', 'editor'], ['a.sublime-workspace', 'editor'], ['.idx/dev.nix', 'editor'],
    ['.woodpecker.yaml', 'ci'], ['.readthedocs.yaml', 'ci'], ['netlify.toml', 'ci'], ['renovate.json', 'ci'],
    ['ci_scripts/ci_post_clone.sh', 'ci'], ['.github/dependabot.yaml', 'ci'], ['cloudbuild.json', 'ci'],
    ['package.yaml', 'package-manager'], ['package.json5', 'package-manager'], ['pnpm-workspace.yaml', 'package-manager'],
    ['Directory.Build.props', 'package-manager'], ['src/Directory.Build.targets', 'package-manager'],
    ['x.csproj.user', 'package-manager'], ['gradle.properties', 'package-manager'], ['uv.toml', 'package-manager'],
    ['.ocamlinit', 'interpreter'], ['.octaverc', 'interpreter'], ['.gdbearlyinit', 'interpreter'], ['.rvmrc', 'shell'],
    ['flake.nix', 'shell'], ['lefthook-local.yml', 'git-hooks'], ['_darcs/prefs', 'git'], ['x.scf', 'desktop'],
    ['.pgpass', 'credentials'], ['result.ripcord.json', 'ripcord'],
  ])('%s is flagged as %s', async (path, rule) => {
    expect(await flagsOf(path)).toMatchObject([{ path, rule }]);
  }); // biome-ignore format: a table

  it('are named as they are compared, each once, with a source', () => {
    const all = OBEYED_FILES.flatMap(({ names = [], paths = [], endings = [] }) => [...names, ...paths, ...endings]);
    expect(all.filter((name) => name !== foldedName(name))).toEqual([]);
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
    expect(OBEYED_FILES.filter(({ source }) => source.length < 10)).toEqual([]);
  });
});

describe('a manifest that nests deeper than a stack', () => {
  const deep = (inner: string) => `{"scripts": ${'['.repeat(100_000)}${inner}${']'.repeat(100_000)}}`;

  it.each([
    ['after the change', { before: '{}', after: deep('') }],
    ['before it', { before: deep(''), after: '{"scripts": {"a": "b"}}' }],
    ['on both sides', { before: deep('1'), after: deep('2') }],
  ])('%s is flagged as not readable', async (_, sides) => {
    const flags = await flagChanges(
      [{ ...added('package.json'), change: 'modified', before: after }],
      async (_change, side) => sides[side],
      async () => [],
    );
    expect(flags).toMatchObject([{ path: 'package.json', rule: 'package-scripts', reason: 'not readable as JSON' }]);
  });
});

describe('a repository without a .git', () => {
  const commit = async (base: Tree, result: Tree) => {
    const n = Math.random();
    const plan = await prepareCommit({
      base: await snapshotOf(temp(`base-${n}`), base),
      result: await snapshotOf(temp(`result-${n}`), result),
      target: temp('target'),
    });
    return plan;
  };

  it('is found when two commits put it together', async () => {
    mkdirSync(temp('target'));
    const first = await commit({}, { v: { objects: { a: '' }, refs: { a: '' } } });
    expect(first.flagged).toEqual([]);
    await applyCommit(first);
    // The second sandbox has never seen what the first one made.
    const second = await commit({ v: {} }, { v: { HEAD: 'ref: refs/heads/main', config: '[core]\nfsmonitor = x' } });
    expect(second.flagged).toMatchObject([
      { path: 'v/HEAD', rule: 'git' },
      { path: 'v/config', rule: 'git' },
    ]);
    await expect(applyCommit(second)).rejects.toMatchObject({ code: 'commit-flagged' });
  });

  it.each([
    ['objects and refs elsewhere', { v: { HEAD: 'ref', commondir: '../w' } }, ['v/HEAD', 'v/commondir']],
    ['in the root', { HEAD: 'ref', objects: {}, refs: {} }, ['HEAD', 'objects', 'refs']],
    [
      'on a file system that ignores case',
      { v: { head: 'r', Objects: {}, REFS: {} } },
      ['v/Objects', 'v/REFS', 'v/head'],
    ],
    ['only half of one', { v: { objects: {}, refs: {} } }, []],
  ])('is told by its parts: %s', async (_, result, paths) => {
    expect((await commit({}, result as Tree)).flagged.map(({ path }) => path)).toEqual(paths);
  });

  it('has its hooks and its configuration flagged where it stands in the target', async () => {
    const v: Tree = { HEAD: 'ref', objects: { a: '' }, refs: { a: '' }, hooks: { update: 'a' } };
    await snapshotOf(temp('seen'), { v });
    cpSync(temp('seen'), temp('target'), { recursive: true });
    const changed = { v: { ...v, config: '[core]', hooks: { update: 'b' } } };
    expect((await commit({ v }, changed)).flagged.map(({ path }) => path)).toEqual(['v/config', 'v/hooks/update']);
  });
});
