/** Facts of the repository in the documents. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = [
  ...readdirSync(ROOT),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true }).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

/** Returns the anchors of a document as GitHub and VitePress make them from its headings. */
const anchorsOf = (document: string) =>
  [
    ...read(document)
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, heading]) =>
    heading!
      .replace(/[`*]|\[|\]\([^)]*\)/g, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

test.each(DOCUMENTS)('every file and heading that %s links to is there', (document) => {
  const links = [...read(document).matchAll(/\]\(([^)\s]+)/g)].map(([, link]) => link!);
  const missing = links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path, anchor] = link.split('#') as [string, string | undefined];
    const target = path === '' ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(missing).toEqual([]);
});

test('every page of docs/ is reached from its index', () => {
  const reached = new Set(['docs/README.md']);
  for (const document of reached) {
    for (const [, link] of read(document).matchAll(/\]\(([^):#\s]+\.md)/g)) {
      const target = relative(ROOT, resolve(ROOT, dirname(document), link!));
      if (target.startsWith('docs/')) reached.add(target);
    }
  }
  expect(DOCUMENTS.filter((name) => name.startsWith('docs/') && !reached.has(name))).toEqual([]);
});

test('every page of docs/ is in the sidebar of the site', () => {
  const sidebar = read('docs/.vitepress/config.mjs');
  const linkOf = (page: string) =>
    page
      .replace(/^docs/, '')
      .replace(/\.md$/, '')
      .replace(/README$/, '');
  const pages = DOCUMENTS.filter((name) => /^docs\/(?!reference\/)/.test(name));
  expect(pages.filter((page) => !sidebar.includes(`'${linkOf(page)}'`))).toEqual([]);
});

describe('docs/internals/guarantees.md', () => {
  const text = read('docs/internals/guarantees.md');
  const rows = text.split('\n').filter((line) => line.startsWith('|') && line.includes('.test.ts'));

  test('has no table that an empty line tears apart', () => {
    expect([...text.matchAll(/\|\n\n\|.*/g)].map(([row]) => row)).toEqual([]);
  });

  test('names a test that is there for every promise', () => {
    expect(rows.length).toBeGreaterThan(15);
    const named = rows.flatMap((row) => [...row.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, path]) => path!));
    expect(named.filter((path) => !existsSync(join(ROOT, 'test', path)))).toEqual([]);
  });

  test('names every test of the battery and of the faults', () => {
    const files = ['hostile', 'chaos'].flatMap((kind) =>
      readdirSync(join(ROOT, 'test', kind))
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => `${kind}/${name}`),
    );
    expect(files.filter((path) => !text.includes(`\`${path}\``))).toEqual([]);
  });

  test.each([
    ['chaos/random-kills.test.ts', 'repeats(6, 200)', '| 6 | 200 |'],
    ['chaos/sigkill.test.ts', 'repeats(1, 20)', '| 20 sandboxes | 20 × 20 |'],
    ['chaos/engine-restart.test.ts', 'repeats(2, 30)', '2 first starts | 30 |'],
    ['chaos/commit-kill.test.ts', 'repeats(12, 200)', '12 moments | each; 200 |'],
    ['chaos/kill-matrix.test.ts', 'repeats(1, 11)', '| 11 pairs | 11 × 110 |'],
    ['chaos/executor.test.ts', 'repeats(3, 100)', '3 tournaments | 100 |'],
    ['unit/agent/hostile-frames.test.ts', 'scaled(100_000, 10_000_000)', '| 100,000 frames | 10,000,000 |'],
  ])('says how often %s runs', (path, code, row) => {
    expect(read(`test/${path}`)).toContain(code);
    expect(text).toContain(row);
  });
});
