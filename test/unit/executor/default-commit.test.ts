import { mkdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { commitStep } from '../../../src/executor/commit/commit-step.js';
import { defaultCommit } from '../../../src/executor/commit/default-commit.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { readTree, type Tree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
afterEach(() => void vi.unstubAllEnvs());

async function commit() {
  const base = { directory: temp('base'), manifest: (await snapshotOf(temp('base'), {})).manifest };
  const files = { directory: temp('result'), manifest: (await snapshotOf(temp('result'), { a: '1' })).manifest };
  const { signal } = new AbortController();
  const changes = await diffManifests(base.manifest, files.manifest);
  const request = {
    iteration: 1,
    branch: 1,
    target: temp('target'),
    base,
    seedIsTarget: true,
    files,
    changes,
    refused: [],
    signal,
  };
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

describe('a target other than the seed', () => {
  const SEED: Tree = {
    'a.txt': 'a',
    same: 'same',
    SAME: 'its twin',
    '.envrc': 'mine',
    out: 'link:/etc',
    'run.sh': '#!/bin/sh\n',
    'package.json': '{"scripts":{"test":"x"},"name":"a"}',
  };

  async function commitTo(target: string, result: Tree, rules = {}) {
    const modes = { 'run.sh': 0o755 };
    const before = await snapshotOf(temp('base'), SEED, modes);
    const after = await snapshotOf(temp('result'), result, modes);
    const base = { directory: temp('base'), manifest: before.manifest };
    const files = { directory: temp('result'), manifest: after.manifest };
    const changes = await diffManifests(base.manifest, files.manifest);
    const { signal } = new AbortController();
    const request = {
      ...{ iteration: 1, branch: 1, target, base, seedIsTarget: false, files, changes, refused: [], signal },
    };
    let diff = '';
    const approve = async (shown: { diff(): Promise<string> }) => {
      diff = await shown.diff();
      return true;
    };
    const report = await commitStep(defaultCommit(rules), request, { approve, beforeApply: () => {} });
    return { report, diff };
  }

  it.each(['absent', 'empty'])('receives the seed with the changes when it is %s', async (state) => {
    if (state === 'empty') mkdirSync(temp('target'));
    const result = { ...SEED, 'a.txt': 'A', 'package.json': '{"scripts":{"test":"x"},"name":"b"}' };
    const { report, diff } = await commitTo(temp('target'), result);
    expect(report).toMatchObject({ status: 'committed', withSeed: true });
    expect(report.changes.map(({ path }) => path)).toEqual(['a.txt', 'package.json']);
    expect(readTree(temp('target'))).toEqual(result);
    // The diff shows the changes, and not the whole project.
    expect(diff).toContain('+A');
    expect(diff).not.toContain('mine');
  });

  it('is written no file that programs obey unless it is allowed, be it changed or new', async () => {
    const result = { ...SEED, '.envrc': 'theirs', 'go.sh': 'x', '.vscode': { 'tasks.json': '{}' } };
    const { report } = await commitTo(temp('target'), result);
    expect(report.status).toBe('flagged');
    const flagged = report.issues.map(({ path }) => path);
    expect(flagged).toEqual(['.envrc', '.vscode', '.vscode/tasks.json']);
  });

  it('is written no link of the sandbox that leads out, itself or through a link of the seed', async () => {
    const result = { ...SEED, direct: 'link:/etc/passwd', through: 'link:out/passwd' };
    const { report } = await commitTo(temp('target'), result);
    expect(report.status).toBe('refused');
    expect(report.issues.map(({ path }) => path)).toEqual(['direct', 'through']);
  });

  it('is written no name that is one with a name of the seed on some file systems', async () => {
    const { report } = await commitTo(temp('target'), { ...SEED, Same: 'of the sandbox' });
    expect(report).toMatchObject({ status: 'refused', issues: [{ path: 'Same' }] });
  });

  it('stays as it is when it has other files, and the hint says what to do', async () => {
    writeTree(temp('target'), { mine: 'mine' });
    const { report } = await commitTo(temp('target'), { ...SEED, 'a.txt': 'A' });
    expect(report).toMatchObject({
      status: 'conflict',
      issues: [{ path: 'a.txt', reason: 'is not in the target' }],
      hint: expect.stringContaining('a target that is empty or does not exist'),
    });
    expect(readTree(temp('target'))).toEqual({ mine: 'mine' });
  });
});
