/** A seed comes in whole, and leaves as it was: links of every kind, times, and a report of the rest. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IterationExecutor, type Sandbox } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { useManager } from '../helpers/sandbox.js';

const test = useManager();
let host: TempDir;

const LINKS: Record<string, string> = {
  absolute: '/etc/hostname',
  climbs: '../outside/file',
  dangling: 'nowhere',
  'deep/down-and-up': 'x/../../../y',
  directory: '/usr/lib',
  inside: 'deep/file',
  itself: 'itself',
  windows: 'C:\\nowhere',
};

function makeProject(name: string): string {
  const project = join(host.path, name);
  mkdirSync(join(project, 'deep'), { recursive: true });
  writeFileSync(join(project, 'deep/file'), 'x');
  for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(project, path));
  return project;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a line of shell
const LIST_LINKS = 'for l in $(find . -type l); do printf "%s %s\\n" "${l#./}" "$(readlink $l)"; done';
const linksIn = (directory: string) =>
  Object.fromEntries(Object.keys(LINKS).map((path) => [path, readlinkSync(join(directory, path))]));

beforeAll(async () => {
  host = await makeTempDir('seed');
});
afterAll(() => host.remove());

describe('a seed with links that lead nowhere and out', () => {
  let project: string;
  let sandbox: Sandbox;
  beforeAll(async () => {
    project = makeProject('project');
    execFileSync('mkfifo', [join(project, 'fifo')]);
    sandbox = await test.manager.create({ workspace: { seed: { from: project }, mode: 'copy' } });
  });
  afterAll(() => sandbox?.close());

  it('has them all as text, and none is a change', async () => {
    const { stdout } = await sandbox.exec(LIST_LINKS);
    const found = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    expect(Object.fromEntries(found)).toEqual(LINKS);
    expect([...(await sandbox.diff())]).toEqual([]);
  });

  it('reports what cannot be kept, on the sandbox and in an event', () => {
    const report = { files: 1, directories: 1, links: 8, bytes: 1, refusedCount: 1 };
    const refused = [{ path: 'fifo', reason: 'not a file, directory or link' }];
    expect(sandbox.seedReport).toEqual({ ...report, refused });
    const event = test.events.find(({ type }) => type === 'seed.incomplete');
    expect(event).toMatchObject({ sandbox: sandbox.id, report: { refused } });
  });

  it('comes back with its links, and without new or changed ones that lead out', async () => {
    await sandbox.exec('ln -s /etc/passwd new; ln -sfn /etc/shadow absolute; touch -d @1000000000 deep/file');
    const to = join(host.path, 'download');
    const { refused } = await sandbox.files.download('.', to);
    expect(refused.map(({ path }) => path).sort()).toEqual(['absolute', 'new']);
    expect(readlinkSync(join(to, 'climbs'))).toBe(LINKS.climbs);
    expect(readlinkSync(join(to, 'directory'))).toBe('/usr/lib');
    expect(existsSync(join(to, 'new'))).toBe(false);
    const below = await sandbox.files.download('deep', join(host.path, 'below'));
    expect(below.refused).toEqual([]);
    expect(readlinkSync(join(host.path, 'below/down-and-up'))).toBe(LINKS['deep/down-and-up']);
    await expect(sandbox.commit(project)).rejects.toMatchObject({ code: 'commit-refused' });
    expect(linksIn(project)).toEqual(LINKS);
  });

  it('keeps times on the way out', async () => {
    await sandbox.exec('mkdir old; touch -d @1000000000 old/file single old');
    await sandbox.files.download('old', join(host.path, 'times/old'));
    await sandbox.files.download('single', join(host.path, 'times/single'));
    for (const name of ['old/file', 'single']) {
      expect(statSync(join(host.path, 'times', name)).mtimeMs).toBe(1e12);
    }
  });

  it('keeps them out of the way of a commit with many files', async () => {
    const target = makeProject('many');
    await using fresh = await test.manager.create({ workspace: { seed: { from: target }, mode: 'copy' } });
    await fresh.exec('rm directory; mkdir directory; for i in $(seq 100); do echo $i > directory/$i; done');
    await fresh.commit(target);
    expect(readFileSync(join(target, 'directory/7'), 'utf8')).toBe('7\n');
    expect(readlinkSync(join(target, 'climbs'))).toBe(LINKS.climbs);
    expect(existsSync('/usr/lib/7')).toBe(false);
  });
});

describe('caches and dependency trees', () => {
  it('are left out of a diff, and listed', async () => {
    await using sandbox = await test.manager.create({ workspace: { mode: 'copy' } });
    await sandbox.exec('mkdir -p a/node_modules/m __pycache__; echo x > a/node_modules/m/i.js; echo y > a/b');
    const changes = await sandbox.diff();
    expect(changes.map(({ path }) => path)).toEqual(['a', 'a/b']);
    expect(changes).toMatchObject({ ignored: ['__pycache__', 'a/node_modules'], ignoredCount: 2 });
    expect((await sandbox.diff({ defaultIgnores: false })).map(({ path }) => path)).toContain('a/node_modules/m/i.js');
    const { changes: made } = await sandbox.commit(join(host.path, 'fresh'));
    expect(made.map(({ path }) => path)).toEqual(['a', 'a/b']);
  });
});

describe('a project with such links in the executor', () => {
  it('has them after two iterations with keepBest and a commit', async () => {
    const project = makeProject('iterated');
    const seen: Record<string, string>[] = [];
    const executor = new IterationExecutor(test.manager, {
      target: project,
      branches: 2,
      maxIterations: 2,
      keepBest: true,
      propose: async ({ sandbox, iteration, branch }) => {
        await sandbox.files.write(`made-${iteration}-${branch}`, 'x');
        await sandbox.exec('mkdir -p .venv; echo x > .venv/x');
        if (iteration === 1) await sandbox.exec('ln -s /etc/passwd new');
      },
      verify: async ({ sandbox, iteration }) => {
        const { stdout } = await sandbox.exec(LIST_LINKS);
        seen.push(
          Object.fromEntries(
            stdout
              .trim()
              .split('\n')
              .map((line) => line.split(' ')),
          ),
        );
        return { passed: iteration === 2, score: 1 };
      },
      decide: ({ iteration, branches }) =>
        iteration === 1 ? { keep: branches.map(({ branch }) => branch) } : { accept: 1 },
    });
    const result = await executor.run('keep the links');
    expect(result.status).toBe('accepted');
    expect(seen).toEqual([LINKS, LINKS, LINKS, LINKS]);
    expect(result.iterations[0]!.branches[0]!.refused).toEqual([
      { path: 'new', reason: 'link leads outside: absolute' },
    ]);
    expect(linksIn(project)).toEqual(LINKS);
    for (const name of ['made-1-1', 'made-1-2', 'made-2-1']) expect(existsSync(join(project, name))).toBe(true);
    expect(existsSync(join(project, 'new')) || existsSync(join(project, '.venv'))).toBe(false);
    expect(result.winner?.ignored).toEqual(['.venv']);
  });
});
