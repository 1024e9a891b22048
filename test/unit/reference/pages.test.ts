/** docs/reference against the sources that it is generated from. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { READ, SET } from '../../../scripts/docs/pages/environment.mjs';
import { ENTRY_POINTS } from '../../../scripts/docs/pages/methods.mjs';
import { referencePages } from '../../../scripts/docs/pages.mjs';
import { exportsOf, membersOf } from '../../../scripts/docs/source-reader.mjs';
import * as codes from '../../../src/base/error-codes.js';
import { createProgram } from '../../../src/cli/program.js';
import { OUTCOME_MEANINGS } from '../../../src/command/outcome.js';
import { statusOf } from '../../../src/http/error-status.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const SRC = join(ROOT, 'src');
const COMMITTED = join(ROOT, 'docs/reference');

const program = await createProgram({} as never);
const pages = referencePages(SRC, { codes, statusOf, outcomes: OUTCOME_MEANINGS, program });

test.each(Object.keys(pages))(
  'docs/reference/%s is as the sources have it: npm run docs:reference writes it',
  (name) => {
    expect(readFileSync(join(COMMITTED, name), 'utf8')).toBe(pages[name]);
  },
);

test('docs/reference has no page besides the generated ones', () => {
  expect(readdirSync(COMMITTED).sort()).toEqual(Object.keys(pages).sort());
});

test('every event has a meaning', () => {
  const rows = pages['events.md']!.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => /^\| `[^`]+` \|\s+\|/.test(row))).toEqual([]);
});

test('every public class, member and function has TSDoc', () => {
  const bare = ENTRY_POINTS.flatMap(([, path]) => exportsOf(join(SRC, path))).flatMap((one) => {
    if (one.kind !== 'class' && one.kind !== 'function') return [];
    const members = one.kind === 'class' && !one.name.endsWith('Error') ? membersOf(one) : [];
    const without = members.filter(({ doc }) => doc.text === '').map(({ name }) => `${one.name}.${name}`);
    return one.doc.text === '' ? [one.name, ...without] : without;
  });
  expect(bare).toEqual([]);
});

test('the list of environment variables is that of the sources', () => {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('dashboard/'))
    .map((path) => readFileSync(join(SRC, path), 'utf8'));
  const NAME = /\b(?:process\.)?env\.([A-Z][A-Z_]+)\b|\b(RIPCORD_[A-Z_]+[A-Z])\b/g;
  const found = new Set(sources.flatMap((text) => [...text.matchAll(NAME)].map(([, read, own]) => read ?? own!)));
  // Variables of programs inside a sandbox.
  for (const inside of ['PYTHONPATH', 'TMPDIR']) found.delete(inside);
  const listed = new Set([...Object.keys(READ), ...Object.keys(SET)]);
  expect([...found].filter((name) => !listed.has(name))).toEqual([]);
  expect([...listed].filter((name) => !sources.some((text) => text.includes(name)))).toEqual([]);
});
