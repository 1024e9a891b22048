/** The order of the folders of `src/`, as ARCHITECTURE.md tells it: no import runs up. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const PROJECT = path.join(import.meta.dirname, '../..');
const SRC = path.join(PROJECT, 'src');
/** More files than these in one folder are too many to find one by its name. */
const MAX_FILES = 30;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|tsx)$/.test(file));
const known = new Set(files);

/** A direct child of `src/` with all below it, or a file of `src/` itself. */
const folderOf = (file: string): string => (file.includes('/') ? `${file.split('/')[0]}/` : file);

/** Returns the file that `specifier` names; undefined for packages and for files that are not TypeScript. */
function resolve(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = path.join(path.dirname(file), specifier);
  const candidates = [target, target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx')];
  const found = candidates.find((candidate) => known.has(candidate));
  if (found === undefined && /\.(js|ts|tsx)$/.test(target))
    throw new Error(`${file} imports ${specifier}: no such file`);
  return found;
}

/** `import … from`, `export … from`, `import()` and `import('…').Type`. Type imports count: a reader follows them as any other. */
function importsOf(file: string): { specifier: string; target: string | undefined }[] {
  const text = readFileSync(path.join(SRC, file), 'utf8');
  const found = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^'\n]+)'/g)];
  return found.map(([, specifier]) => ({ specifier: specifier!, target: resolve(file, specifier!) }));
}

const imports = files.flatMap((file) => importsOf(file).map((imported) => ({ file, ...imported })));

/** The table's rows, from the ground up. */
function floors(): Map<string, number> {
  const text = readFileSync(path.join(PROJECT, 'ARCHITECTURE.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (\d+) \| (.+) \|$/gm)];
  expect(rows.map(([, floor]) => Number(floor))).toEqual(rows.map((_, index) => index));
  return new Map(
    rows.flatMap(([, floor, folders]) =>
      folders!.split(' ').map((folder): [string, number] => [folder.replaceAll('`', ''), Number(floor)]),
    ),
  );
}

describe('the floors of src/', () => {
  const floorOf = floors();

  it('hold every folder once', () => {
    expect([...floorOf.keys()].sort()).toEqual([...new Set(files.map(folderOf))].sort());
  });

  it('are imported from above only', () => {
    expect(imports.length).toBeGreaterThan(1000);
    const wrong = imports
      .filter(({ file, target }) => target !== undefined && folderOf(file) !== folderOf(target))
      .filter(({ file, target }) => floorOf.get(folderOf(target!))! >= floorOf.get(folderOf(file))!)
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });
});

it('no files import each other in a circle', () => {
  let open = new Set(files);
  for (let before = -1; before !== open.size; ) {
    before = open.size;
    const among = imports.filter(({ file, target }) => open.has(file) && target !== undefined && open.has(target));
    const [from, to] = [new Set(among.map(({ file }) => file)), new Set(among.map(({ target }) => target))];
    open = new Set([...open].filter((file) => from.has(file) && to.has(file)));
  }
  expect([...open]).toEqual([]);
});

it('dockerode is imported under src/backends/docker only', () => {
  const users = imports.filter(({ specifier }) => /^(dockerode|docker-modem)(\/|$)/.test(specifier));
  expect(users.length).toBeGreaterThan(0);
  expect(users.filter(({ file }) => !file.startsWith('backends/docker/')).map(({ file }) => file)).toEqual([]);
});

it('an engine is known to src/backends only', () => {
  const engines = readdirSync(path.join(SRC, 'backends'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `backends/${name}/`);
  expect(engines).toContain('backends/docker/');
  const wrong = imports
    .filter(({ file, target }) => !file.startsWith('backends/') && engines.some((engine) => target?.startsWith(engine)))
    .map(({ file, target }) => `${file} imports ${target}`);
  expect(wrong).toEqual([]);
});

it.each(['src'])(`no folder of %s has more than ${MAX_FILES} files`, (top) => {
  const entries = readdirSync(path.join(PROJECT, top), { recursive: true, withFileTypes: true });
  const counts = new Map<string, number>();
  for (const entry of entries) {
    if (entry.isFile()) counts.set(entry.parentPath, (counts.get(entry.parentPath) ?? 0) + 1);
  }
  const full = [...counts].filter(([folder, count]) => count > MAX_FILES && !folder.includes('/build/'));
  expect(full.map(([folder, count]) => `${path.relative(PROJECT, folder)}: ${count}`)).toEqual([]);
});
