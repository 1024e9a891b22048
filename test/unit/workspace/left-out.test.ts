/** Caches and dependency trees, which a diff and a commit leave out by default. */
import { describe, expect, it } from 'vitest';
import { applyCommit, prepareCommit } from '../../../src/commit/index.js';
import { DEFAULT_IGNORES } from '../../../src/workspace/default-ignores.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { changeList, leaveOutBy, leaveOutDefaults } from '../../../src/workspace/left-out.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { readTree, type Tree, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();

const RESULT: Tree = {
  'a.py': '2',
  __pycache__: { 'a.pyc': 'x' },
  deep: { '.DS_Store': 'x', node_modules: { m: { 'index.js': 'x' } }, 'b.js': 'b' },
  env: { 'pyvenv.cfg': 'home = /usr', bin: { python: 'x' } },
  vendor: { node_modules: { kept: { 'index.js': '2' }, fresh: { 'index.js': '1' } } },
};
const BASE: Tree = { 'a.py': '1', vendor: { node_modules: { kept: { 'index.js': '1' } } } };

async function trees() {
  return {
    base: await snapshotOf(temp('base'), BASE),
    result: await snapshotOf(temp('result'), RESULT),
    target: temp('target'),
  };
}

describe('what is left out by default', () => {
  it('is named at any depth, and only where the base does not have it', async () => {
    const { base, result } = await trees();
    const { changes, ignored, ignoredCount } = await leaveOutDefaults(
      await diffManifests(base.manifest, result.manifest),
      base.manifest,
    );
    expect(ignored).toEqual(['__pycache__', 'deep/.DS_Store', 'deep/node_modules', 'env']);
    expect(ignoredCount).toBe(4);
    expect(changes.map(({ path }) => path)).toEqual([
      'a.py',
      'deep',
      'deep/b.js',
      'vendor/node_modules/fresh',
      'vendor/node_modules/fresh/index.js',
      'vendor/node_modules/kept/index.js',
    ]);
  });

  it('is no part of a commit, and returned', async () => {
    const sources = await trees();
    await snapshotOf(temp('target'), BASE);
    const plan = await prepareCommit(sources);
    expect(plan).toMatchObject({
      ignored: ['__pycache__', 'deep/.DS_Store', 'deep/node_modules', 'env'],
      ignoredCount: 4,
    });
    await applyCommit(plan);
    expect(readTree(temp('target'))).not.toHaveProperty('env');
    const all = await prepareCommit(sources, { defaultIgnores: false });
    expect(all.ignored).toEqual([]);
    expect(all.changes.length).toBeGreaterThan(plan.changes.length);
  });

  it('is listed to a bound, and counted beyond it', async () => {
    const changes = Array.from({ length: 1500 }, (_, n) => ({ path: `d${n}/x`, kind: 'file' as const }));
    const left = await leaveOutBy(changes, () => true);
    expect(left.ignored).toHaveLength(1000);
    expect(left).toMatchObject({ changes: [], ignoredCount: 1500 });
  });

  it('is a property of an array that is like any other', () => {
    const list = changeList([], { ignored: ['node_modules'], ignoredCount: 1 });
    expect(list).toEqual([]);
    expect(JSON.stringify(list)).toBe('[]');
    expect(list.ignored).toEqual(['node_modules']);
  });

  it('is data with sources', () => {
    const names = DEFAULT_IGNORES.flatMap((entry) => entry.names);
    expect(new Set(names).size).toBe(names.length);
    expect(DEFAULT_IGNORES.every(({ source }) => source.length > 10)).toBe(true);
  });
});
