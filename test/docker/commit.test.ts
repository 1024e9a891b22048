/** Commits of a sandbox into a host directory: `prepareSandboxCommit`, `commitSandbox`. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Sandbox } from 'ripcord-sandbox';
import { afterEach, describe, expect, it } from 'vitest';
import type { CommittableSandbox } from '../../src/sandbox/commit-sandbox.js';
import { useManager } from '../helpers/sandbox.js';
import { modeOf, readTree, type Tree, useTempDirectory, writeTree } from '../helpers/temp.js';

// The manager is imported from dist, too, because errors are recognised by their class.
const built = (name: string) => import(new URL(`../../dist/${name}.js`, import.meta.url).href);
const { applyCommit } = (await built('commit/index')) as typeof import('../../src/commit/index.js');
const { commitSandbox, prepareSandboxCommit } = (await built(
  'sandbox/commit-sandbox',
)) as typeof import('../../src/sandbox/commit-sandbox.js');

const under = useManager();
const temp = useTempDirectory();
const project = (...names: string[]) => temp('project', ...names);
const opened: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of opened.splice(0)) await sandbox.close();
});

async function seeded(tree: Tree, prepare = () => {}): Promise<{ sandbox: Sandbox; source: CommittableSandbox }> {
  writeTree(project(), tree);
  prepare();
  const sandbox = await under.manager.create({ image: 'shell', workspace: { mode: 'copy', seed: project() } });
  opened.push(sandbox);
  const { seed, directory } = sandbox.parts;
  const source = {
    files: sandbox.files as never,
    workspace: sandbox.workspace,
    directory,
    changes: async (options: object) => ({ changes: await sandbox.diff(options), refused: [] }),
    base: { manifest: seed!.staged.manifest, directory: seed!.directory, gitignore: true },
  } satisfies CommittableSandbox;
  return { sandbox, source };
}

async function sh(sandbox: Sandbox, line: string): Promise<void> {
  const { exitCode, stderr } = await sandbox.exec(line);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
}

describe('committing a sandbox', () => {
  it('brings what its commands changed to the host, and nothing else', async () => {
    const { sandbox, source } = await seeded(
      { 'a.txt': 'one\n', 'gone.txt': 'x', 'run.sh': '#!/bin/sh\n', '.gitignore': 'cache/\n', d: { same: 's' } },
      () => chmodSync(project('run.sh'), 0o755),
    );
    await sh(
      sandbox,
      "echo two > a.txt; rm gone.txt; mkdir -p new/deep cache; printf 'a\\0b' > new/deep/b; ln -s a.txt l; echo x > cache/y",
    );
    const plan = await prepareSandboxCommit(source, project());
    expect(plan.changes.map(({ path, change, binary }) => `${change} ${path}${binary ? ' (binary)' : ''}`)).toEqual([
      'modified a.txt',
      'deleted gone.txt',
      'added l',
      'added new',
      'added new/deep',
      'added new/deep/b (binary)',
    ]);
    expect(plan.ignored).toEqual(['cache']);
    expect(await plan.unifiedDiff()).toContain('@@ -1 +1 @@\n-one\n+two\n');
    await applyCommit(plan);
    expect(readTree(project())).toEqual({
      'a.txt': 'two\n',
      'run.sh': '#!/bin/sh\n',
      '.gitignore': 'cache/\n',
      d: { same: 's' },
      new: { deep: { b: 'a\0b' } },
      l: 'link:a.txt',
    });
    expect(modeOf(project('run.sh')) & 0o777).toBe(0o755);
  });

  it('fetches many files at once, exactly', async () => {
    const { sandbox, source } = await seeded({ 'seed.txt': 's' });
    await sh(
      sandbox,
      'mkdir -p many && cd many && for i in $(seq 300); do echo $i > f$i; done; head -c 3000000 /dev/zero > big',
    );
    const receipt = await commitSandbox(source, project());
    expect(receipt.counts).toMatchObject({ added: 302 });
    expect(readFileSync(project('many/f300'), 'utf8')).toBe('300\n');
    expect(readFileSync(project('many/big')).equals(Buffer.alloc(3_000_000))).toBe(true);
    expect(readdirSync(sandbox.parts.directory).filter((name) => name.startsWith('commit-'))).toEqual([]);
  });

  it('writes nothing of what would run on the host, leads out of it, or is in conflict', async () => {
    const { sandbox, source } = await seeded({ 'a.txt': 'one', sub: { x: '1' } });
    await sh(
      sandbox,
      'mkdir -p .git/hooks .vscode; echo evil > .git/hooks/pre-commit; echo {} > .vscode/tasks.json; echo e > .envrc',
    );
    await expect(commitSandbox(source, project())).rejects.toMatchObject({ code: 'commit-flagged' });
    await sh(sandbox, 'rm -rf .git .vscode .envrc; ln -s /etc/shadow s; ln -s ../../.. up; mkfifo pipe');
    const error = await commitSandbox(source, project()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'commit-refused', refused: [{ path: 'pipe' }, { path: 's' }, { path: 'up' }] });
    await sh(sandbox, 'rm s up pipe; echo two > a.txt; echo two > sub/x');
    writeFileSync(project('sub/x'), 'mine');
    await expect(commitSandbox(source, project())).rejects.toMatchObject({
      code: 'commit-conflict',
      conflicts: [{ path: 'sub/x' }],
    });
    expect(readTree(project())).toEqual({ 'a.txt': 'one', sub: { x: 'mine' } });
    expect(existsSync(project('.ripcord'))).toBe(false);
  });

  it('never mixes two states of a file that is being written', async () => {
    const { sandbox, source } = await seeded({ log: '0' });
    await using writer = await sandbox.spawn('while :; do date +%N >> log; done');
    await sh(sandbox, 'until [ "$(wc -c < log)" -gt 1 ]; do :; done');
    const results = [];
    for (let i = 0; i < 5; i += 1)
      results.push(await commitSandbox(source, temp(`t${i}`)).catch((error: unknown) => error));
    for (const [i, result] of results.entries()) {
      if (result instanceof Error)
        expect(['workspace-changed', 'commit-conflict']).toContain((result as Error & { code: string }).code);
      // One write of the loop is nine digits and a line end: a file of two states would have a torn one.
      else expect(readFileSync(temp(`t${i}`, 'log'), 'utf8')).toMatch(/^0(\d{9}\n)*$/);
    }
    await writer.kill('SIGKILL');
  });
});

describe('sandbox.commit', () => {
  it('shows what it would do, then does it, and only what nobody changed meanwhile', async () => {
    writeTree(project(), { 'a.txt': 'one\n', 'b.txt': 'two\n' });
    const sandbox = await under.manager.create({ image: 'shell', workspace: { mode: 'copy', seed: project() } });
    opened.push(sandbox);
    await sh(sandbox, 'echo more >> a.txt');
    const plan = await sandbox.prepareCommit(project());
    expect(await plan.unifiedDiff()).toContain('+more');
    expect(readFileSync(project('a.txt'), 'utf8')).toBe('one\n');
    expect(await sandbox.commit(project())).toMatchObject({ counts: { modified: 1 } });
    expect(readFileSync(project('a.txt'), 'utf8')).toBe('one\nmore\n');

    await sh(sandbox, 'echo theirs > b.txt');
    writeFileSync(project('b.txt'), 'mine\n');
    await expect(sandbox.commit(project())).rejects.toMatchObject({ code: 'commit-conflict' });
    expect(readFileSync(project('b.txt'), 'utf8')).toBe('mine\n');
  });
});
