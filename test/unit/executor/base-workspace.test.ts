/** The base of the next iteration: one branch's files, or several merged in order. */
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BaseWorkspace } from '../../../src/executor/files/base-workspace.js';
import { Scratch } from '../../../src/executor/files/scratch.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { manifestOf } from '../../../src/workspace/read-manifest.js';
import { readTree, type Tree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const at = useTempDirectory();
const { signal } = new AbortController();

async function base(seed: Tree) {
  writeTree(at('seed'), seed);
  const scratch = new Scratch({ instance: 'none' });
  const workspace = await BaseWorkspace.open({ from: at('seed'), ignore: [], gitignore: true }, [], scratch, signal);
  return { workspace, scratch };
}

async function branch(number: number, tree: Tree, workspace: BaseWorkspace) {
  const directory = at(`branch-${number}`);
  writeTree(directory, tree);
  const { manifest } = await manifestOf(directory);
  const changes = await diffManifests(workspace.current.manifest, manifest);
  return { branch: number, snapshot: { directory, manifest, changes, refused: [], ignored: [] } };
}

async function merged(seed: Tree, ...trees: Tree[]) {
  const { workspace, scratch } = await base(seed);
  try {
    const kept = [];
    for (const [index, tree] of trees.entries()) kept.push(await branch(index + 1, tree, workspace));
    const conflicts = await workspace.keep(kept, signal);
    const { directory, manifest } = workspace.current;
    // The manifest lists the files of the directory.
    expect([...manifest.keys()].sort()).toEqual([...(await manifestOf(directory!)).manifest.keys()].sort());
    return { tree: readTree(directory!), conflicts };
  } finally {
    await scratch.remove();
  }
}

describe('keep', () => {
  it('takes one branch as it is', async () => {
    const { tree, conflicts } = await merged({ a: '1', b: '2' }, { a: '1 changed', c: { d: 'new' }, l: 'link:a' });
    expect(tree).toEqual({ a: '1 changed', c: { d: 'new' }, l: 'link:a' });
    expect(conflicts).toEqual([]);
  });

  it('merges what several branches did in different places', async () => {
    const { tree, conflicts } = await merged(
      { a: '1', b: '2', d: { e: '3', f: '4' } },
      { a: 'first', b: '2', d: { e: '3', f: '4' }, new1: 'x' },
      { a: '1', d: { e: '3 second', f: '4' }, new2: { deep: 'y' }, l: 'link:a' },
    );
    expect(tree).toEqual({ a: 'first', d: { e: '3 second', f: '4' }, new1: 'x', new2: { deep: 'y' }, l: 'link:a' });
    expect(conflicts).toEqual([]);
  });

  it('keeps the earlier branch’s word where two disagree, and reports each place once', async () => {
    const { tree, conflicts } = await merged(
      { a: '0', gone: '1', d: { e: '2' } },
      { a: 'first', d: { e: '2 first' }, same: 's' },
      { a: 'second', gone: 'changed', same: 's', d: 'now a file' },
      { a: 'first', gone: '1', d: { e: '2', g: 'third' } },
    );
    expect(tree).toEqual({ a: 'first', d: { e: '2 first', g: 'third' }, same: 's' });
    expect(conflicts).toEqual([
      { path: 'd/e', kept: 1, dropped: 2, reason: 'both changed it' },
      { path: 'a', kept: 1, dropped: 2, reason: 'both changed it' },
      { path: 'd', kept: 1, dropped: 2, reason: 'd/e exists in the other branch' },
      { path: 'gone', kept: 1, dropped: 2, reason: 'both changed it' },
    ]);
  });

  it('writes nothing through a link another branch put in the way', async () => {
    writeTree(at('outside'), { file: 'untouched' });
    const { tree, conflicts } = await merged(
      { d: { e: '1' }, o: {} },
      { d: 'link:o', o: {} },
      { d: { e: '1', file: 'evil' }, o: {} },
    );
    expect(tree).toEqual({ d: 'link:o', o: {} });
    expect(conflicts).toEqual([
      { path: 'd/file', kept: 1, dropped: 2, reason: 'd is not a directory in the other branch' },
    ]);
    expect(readFileSync(at('outside/file'), 'utf8')).toBe('untouched');
  });

  it('takes over permissions', async () => {
    const { workspace, scratch } = await base({ run: 'x' });
    const one = await branch(1, { run: 'x' }, workspace);
    const two = at('branch-2');
    writeTree(two, { run: 'x' });
    chmodSync(`${two}/run`, 0o755);
    const { manifest } = await manifestOf(two);
    await workspace.keep(
      [one, { branch: 2, snapshot: { directory: two, manifest, changes: [], refused: [], ignored: [] } }],
      signal,
    );
    expect(statSync(`${workspace.current.directory}/run`).mode & 0o777).toBe(0o755);
    await scratch.remove();
  });
});

it('keeps the seed as it was when the run began', async () => {
  const { workspace, scratch } = await base({ a: '1', '.git': { config: 'x' }, '.ripcord': { journal: 'y' } });
  writeTree(at('seed'), { a: 'changed meanwhile' });
  expect(readTree(workspace.origin.directory!)).toEqual({ a: '1' });
  await scratch.remove();
});
