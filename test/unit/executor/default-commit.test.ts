import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { commitStep } from '../../../src/executor/commit-step.js';
import { defaultCommit } from '../../../src/executor/default-commit.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();
afterEach(() => void vi.unstubAllEnvs());

async function commit() {
  const base = { directory: temp('base'), manifest: (await snapshotOf(temp('base'), {})).manifest };
  const files = { directory: temp('result'), manifest: (await snapshotOf(temp('result'), { a: '1' })).manifest };
  const { signal } = new AbortController();
  const changes = await diffManifests(base.manifest, files.manifest);
  const request = { iteration: 1, branch: 1, target: temp('target'), base, files, changes, refused: [], signal };
  return commitStep(defaultCommit({}), request, { approve: undefined, beforeApply: () => {} });
}

it('a commit is reported, and nothing about its history', async () => {
  vi.stubEnv('XDG_STATE_HOME', temp('state'));
  const report = await commit();
  expect(report.status).toBe('committed');
  expect(report).not.toHaveProperty('historyProblem');
});

it('a commit is made where its history cannot be kept, and the report says so', async () => {
  vi.stubEnv('XDG_STATE_HOME', '/proc/ripcord');
  expect(await commit()).toMatchObject({
    status: 'committed',
    historyProblem: expect.stringContaining('/proc/ripcord'),
  });
  expect(readFileSync(temp('target/a'), 'utf8')).toBe('1');
});
