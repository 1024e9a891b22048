/** File systems without hard links: what is replaced is copied away first. */
import { cpSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { applyCommit, prepareCommit, recoverCommit } from '../../../src/commit/index.js';
import { snapshotOf, stateOf } from '../../helpers/commit-trees.js';
import { readTree, useTempDirectory } from '../../helpers/temp.js';

vi.mock('../../../src/commit/fs.js', async (load) => ({
  ...(await load<object>()),
  link: async () => {
    throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' });
  },
}));

const temp = useTempDirectory();

async function sources() {
  const base = await snapshotOf(temp('base'), { a: 'one', run: '#!', l: 'link:a', z: { f: '1' } }, { run: 0o755 });
  const result = await snapshotOf(
    temp('result'),
    { a: 'two', run: '#!/bin/sh', l: 'link:run', z: { f: '2' } },
    { run: 0o755 },
  );
  cpSync(temp('base'), temp('target'), { recursive: true, verbatimSymlinks: true });
  return { base, result, target: temp('target') };
}

describe('without hard links', () => {
  it('files and links are replaced all the same', async () => {
    await applyCommit(await prepareCommit(await sources()));
    expect(readTree(temp('target'))).toEqual(readTree(temp('result')));
  });

  it('an abort at any check restores content, permissions and links', async () => {
    const given = await sources();
    const before = stateOf(temp('target'));
    for (let check = 1; ; check += 1) {
      const plan = await prepareCommit(given);
      let left = check;
      const { signal } = new AbortController();
      Object.defineProperty(signal, 'aborted', { get: () => --left <= 0 });
      const result = await applyCommit(plan, { signal }).catch((error: unknown) => error);
      if (!(result instanceof Error)) break;
      expect(stateOf(temp('target'))).toEqual(before);
      expect(await recoverCommit(temp('target'))).toMatchObject({ outcome: 'nothing' });
      expect(check).toBeLessThan(200);
    }
  });
});
