/** The files that GitHub and editors read: they parse, name what is there, and agree with the project's own settings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

interface Step {
  uses?: string;
  run?: string;
}
interface Workflow {
  on: Record<string, unknown>;
  permissions: unknown;
  jobs: Record<string, { needs?: string | string[]; uses?: string; steps?: Step[]; 'timeout-minutes'?: number }>;
}

const yamls = (directory: string) =>
  readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .map((name) => `${directory}/${name}`);
const WORKFLOWS = yamls('.github/workflows');
const load = (path: string) => parse(read(path)) as Workflow;
const stepsOf = ({ jobs }: Workflow) => Object.values(jobs).flatMap(({ steps = [] }) => steps);
const npmScriptsIn = (command: string) =>
  [...command.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(([, named, short]) => named ?? short!);

test.each(yamls('.github'))('%s is YAML without errors, warnings or keys that stand twice', (path) => {
  const { errors, warnings } = parseDocument(read(path), { uniqueKeys: true });
  expect([...errors, ...warnings].map(String)).toEqual([]);
});

describe.each(WORKFLOWS)('%s', (path) => {
  const workflow = load(path);

  test('calls npm scripts that exist', () => {
    const called = stepsOf(workflow).flatMap(({ run = '' }) => npmScriptsIn(run));
    expect(called.length).toBeGreaterThan(0);
    expect(called.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('pins each action by its commit and names the version', () => {
    const used = [...read(path).matchAll(/^\s*(?:- )?uses: (?!\.\/)(.*)$/gm)].map(([, action]) => action!);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  });

  test('reads the repository only, unless a job says otherwise', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    // A title or a branch name in a command line is a command of its author's.
    expect(stepsOf(workflow).filter(({ run }) => run?.includes('github.event.'))).toEqual([]);
  });

  test('has jobs that end, and that wait for jobs which exist', () => {
    for (const [name, { needs = [], uses, 'timeout-minutes': minutes }] of Object.entries(workflow.jobs)) {
      if (uses) expect(existsSync(join(ROOT, uses)), uses).toBe(true);
      else expect(minutes, name).toBeGreaterThan(0);
      for (const needed of [needs].flat()) expect(Object.keys(workflow.jobs)).toContain(needed);
    }
  });
});

test('npm scripts are found in commands of every shape', () => {
  const command =
    'sudo env CI=true npm run test:chaos && npm test; npm run release:check -- --tag v1; npm ci; npm pkg set a';
  expect(npmScriptsIn(command)).toEqual(['test:chaos', 'test', 'release:check']);
});

test('the same action is pinned to the same commit everywhere', () => {
  const used = WORKFLOWS.flatMap((path) => [...read(path).matchAll(/uses: (\S+)@(.*)/g)]);
  const versions = new Map<string, Set<string>>();
  for (const [, action, version] of used) versions.set(action!, (versions.get(action!) ?? new Set()).add(version!));
  expect([...versions].filter(([, { size }]) => size > 1)).toEqual([]);
});

test('the tests run on the oldest Node that package.json allows', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  const { jobs } = parse(read('.github/workflows/ci.yml')) as {
    jobs: { test: { strategy: { matrix: { include: { node: string }[] } } } };
  };
  const nodes = jobs.test.strategy.matrix.include.map(({ node }) => node);
  expect(nodes).toContain(engines.node.replace('>=', ''));
  expect(nodes).toContain('latest');
});

test('a job that may publish runs no code of this repository or its dependencies', () => {
  const { jobs } = parse(read('.github/workflows/release.yml')) as {
    jobs: Record<string, { permissions?: Record<string, string>; steps?: Step[] }>;
  };
  const publishing = Object.values(jobs).filter(({ permissions }) => permissions?.['id-token'] === 'write');
  expect(publishing).toHaveLength(1);
  for (const { uses = '', run = '' } of publishing.flatMap(({ steps = [] }) => steps)) {
    expect(uses).not.toContain('checkout');
    expect(run).not.toMatch(/npm (?:ci|i|install|run|test|exec)\b|npx|\bnode\b/);
  }
});

test('every issue form has a name, a description, and fields with ids of their own', () => {
  const forms = yamls('.github/ISSUE_TEMPLATE').filter((path) => !path.endsWith('config.yml'));
  expect(forms.length).toBeGreaterThan(1);
  for (const path of forms) {
    const { name, description, body } = parse(read(path)) as Record<string, unknown> & {
      body: { type: string; id?: string; attributes: { label?: string; value?: string } }[];
    };
    expect({ name, description }).toEqual({ name: expect.any(String), description: expect.any(String) });
    const fields = body.filter(({ type }) => type !== 'markdown');
    for (const { attributes } of fields) expect(attributes.label).toBeTruthy();
    const ids = fields.map(({ id }) => id);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

/** Returns the directories that a name of dependabot's stands for: it may end in `/*`. */
function placesOf(name: string): string[] {
  if (!name.endsWith('/*')) return [name];
  const parent = name.slice(0, -2);
  return readdirSync(join(ROOT, parent))
    .map((entry) => `${parent}/${entry}`)
    .filter((place) => existsSync(join(ROOT, place, 'Dockerfile')));
}

test('dependabot looks where there is something of its kind', () => {
  const files: Record<string, string> = {
    npm: 'package.json',
    docker: 'Dockerfile',
    'github-actions': '.github/workflows',
  };
  const { updates } = parse(read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; directory?: string; directories?: string[] }[];
  };
  expect(updates.map((update) => update['package-ecosystem']).sort()).toEqual(Object.keys(files).sort());
  for (const { 'package-ecosystem': kind, directory, directories = [directory!] } of updates) {
    for (const place of directories.flatMap(placesOf))
      expect(existsSync(join(ROOT, place, files[kind]!)), place).toBe(true);
  }
});

describe('.editorconfig', () => {
  const sections = new Map(
    read('.editorconfig')
      .split(/\n(?=\[)/)
      .map((section) => [/^\[(.*)\]/.exec(section)?.[1] ?? '', section]),
  );
  const setting = (section: string, name: string) =>
    new RegExp(`^${name} = (.*)$`, 'm').exec(sections.get(section) ?? '')?.[1];

  test('is what biome formats', () => {
    const { formatter } = JSON.parse(read('biome.json')) as {
      formatter: { indentStyle: string; indentWidth: number; lineWidth: number };
    };
    expect(setting('', 'root')).toBe('true');
    expect({
      indentStyle: setting('*', 'indent_style'),
      indentWidth: Number(setting('*', 'indent_size')),
      lineWidth: Number(setting('*', 'max_line_length')),
    }).toEqual(formatter);
  });

  test('has the line ends of git', () => {
    expect(read('.gitattributes')).toContain('eol=lf');
    expect(setting('*', 'end_of_line')).toBe('lf');
  });

  test('has the indent of C and Python', () => {
    expect(setting('*.{c,h,py}', 'indent_size')).toBe('4');
    const texts = readdirSync(join(ROOT, 'sandbox-images/agent'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:c|py)$/.test(name))
      .map((name) => read(`sandbox-images/agent/${name}`).replace(/\/\*[\s\S]*?\*\//g, ''));
    expect(texts.length).toBeGreaterThan(10);
    const smallest = texts.flatMap((text) => /[{:]\n( +)\S/.exec(text)?.[1]?.length ?? []);
    expect(new Set(smallest)).toEqual(new Set([4]));
  });
});
