import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { STEPS_PER_TURN } from '../../../src/base/work-meter.js';
import { MAX_PATTERN_LENGTH, parsePattern, patternMatches } from '../../../src/workspace/ignore-pattern.js';
import { IgnoreRules } from '../../../src/workspace/ignore-rules.js';
import { makeTempDir } from '../../helpers/fixtures.js';

const matches = (pattern: string, path: string): boolean => {
  const parsed = parsePattern(pattern);
  const isDirectory = path.endsWith('/');
  return parsed !== undefined && patternMatches(parsed, path.replace(/\/$/, '').split('/'), isDirectory, { count: 0 });
};

describe('a .gitignore pattern', () => {
  it.each([
    ['*.log', 'a.log', true],
    ['*.log', 'deep/er/a.log', true],
    ['/*.log', 'deep/a.log', false],
    ['a/b', 'x/a/b', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['**/b', 'b', true],
    ['**/b', 'x/y/b', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/x/y/c', true],
    ['a**b', 'axxb', true],
    ['a**b', 'a/b', false],
    ['d/', 'd', false],
    ['d/', 'x/d/', true],
    ['[a-c]x[!0-9]', 'bxz', true],
    ['[a-c]x[!0-9]', 'bx1', false],
    ['[]x]', ']', true],
    ['[[:digit:][:space:]]', '7', true],
    ['[![:punct:]b-dc-f]', 'g', true],
    ['[![:punct:]b-dc-f]', 'e', false],
    ['[![:punct:]b-dc-f]', '^', false],
    ['[z-ax]', 'y', false],
    ['[z-ax]', 'x', true],
    ['[[:space:]]', '\u00a0', false],
    ['[ä-ö]', 'é', true],
    ['[[:none:]]', 'n', false],
    ['[a', '[a', false],
    ['\\#x', '#x', true],
    ['\\!x', '!x', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['x\\', 'x', false],
    ['x  ', 'x', true],
    ['x\\ ', 'x ', true],
    ['# x', '# x', false],
    ['?', 'xy', false],
    ['CRLF\r', 'CRLF', true],
  ])('%j, path %j: %s', (pattern, path, expected) => expect(matches(pattern, path)).toBe(expected));

  it('is what git says it is', async () => {
    const temp = await makeTempDir('ignore');
    try {
      execFileSync('git', ['init', '-q', temp.path]);
      const piece = fc.constantFrom(
        'a',
        'b',
        'ab',
        '*',
        '**',
        '?',
        '[ab]',
        '[!a]',
        '\\a',
        '/',
        '/',
        '**/',
        '/**',
        '!',
        ' ',
      );
      const line = fc
        .array(piece, { minLength: 1, maxLength: 6 })
        .map((parts) => parts.join(''))
        // git differs from gitignore(5) in empty names and in two asterisks beside other characters.
        .filter((text) =>
          text
            .split('/')
            .every(
              (name, at, all) => (name !== '' || at === 0 || at === all.length - 1) && !/[^*]\*\*|\*\*[^*]/.test(name),
            ),
        );
      const path = fc
        .array(fc.constantFrom('a', 'b', 'ab', 'ba', 'c'), { minLength: 1, maxLength: 4 })
        .map((names) => names.join('/'));
      const cases = fc.sample(
        fc.record({
          patterns: fc.array(line, { minLength: 1, maxLength: 3 }),
          paths: fc.uniqueArray(path, { minLength: 1, maxLength: 8 }),
        }),
        400,
      );
      for (const [at, { patterns }] of cases.entries()) {
        mkdirSync(join(temp.path, `${at}`));
        writeFileSync(join(temp.path, `${at}`, '.gitignore'), `${patterns.join('\n')}\n`);
      }
      const asked = cases.flatMap(({ paths }, at) => paths.map((one) => `${at}/${one}`));
      const args = [
        '-C',
        temp.path,
        '-c',
        'core.excludesFile=/dev/null',
        'check-ignore',
        '--no-index',
        '--stdin',
        '-z',
      ];
      const answer = spawnSync('git', args, { input: asked.join('\0') }).stdout.toString();
      const gits = new Set(answer.split('\0'));
      for (const [at, { patterns, paths }] of cases.entries()) {
        const rules = new IgnoreRules({ ignore: patterns });
        const ours: string[] = [];
        for (const one of paths) {
          // git looks at a path's directories as well, as the survey does by never entering one that is left out.
          const parts = one.split('/');
          for (let end = 1; end <= parts.length; end++) {
            if (!(await rules.leavesOut(parts.slice(0, end).join('/'), end < parts.length))) continue;
            ours.push(one);
            break;
          }
        }
        expect({ patterns, ours }).toEqual({ patterns, ours: paths.filter((one) => gits.has(`${at}/${one}`)) });
      }
    } finally {
      await temp.remove();
    }
  });

  it('costs at most the product of its length and the path’s, however it is made', () => {
    const hostile = [
      `${'*a'.repeat(500)}b`,
      `${'**/'.repeat(300)}b`,
      `${'*/**/'.repeat(150)}b`,
      `${'?*'.repeat(500)}b`,
    ];
    for (const pattern of hostile) {
      for (const names of [['a'.repeat(255)], Array.from({ length: 16 }, () => 'a'.repeat(60))]) {
        const steps = { count: 0 };
        expect(patternMatches(parsePattern(pattern)!, names, false, steps)).toBe(false);
        expect(steps.count).toBeLessThanOrEqual(2 * pattern.length * names.join('/').length);
      }
    }
  });
});

describe('IgnoreRules', () => {
  it('rests between turns where a sandbox wrote thousands of patterns', async () => {
    const temp = await makeTempDir('many-patterns');
    try {
      const lines = Array.from({ length: 15_000 }, (_, i) => `*q${i}*z`).join('\n');
      writeFileSync(join(temp.path, '.gitignore'), lines);
      const rules = new IgnoreRules({ gitignore: true });
      await rules.load(temp.path, '', lines.length);
      let turns = 0;
      const timer = setInterval(() => turns++, 0);
      for (let i = 0; i < 2; i++) expect(await rules.leavesOut(`${'q'.repeat(100)}${i}`, false)).toBe(false);
      clearInterval(timer);
      expect(turns).toBeGreaterThan(1);
      // One pattern is the least that is done at once.
      expect(rules.longestTurn).toBeLessThan(STEPS_PER_TURN + 10_000);
      const abort = new AbortController();
      abort.abort(new Error('enough'));
      const all = (async () => {
        for (let i = 0; i < 4; i++) await rules.leavesOut('q'.repeat(100), false, abort.signal);
      })();
      await expect(all).rejects.toThrow('enough');
    } finally {
      await temp.remove();
    }
  });

  it('finds a character in a class by halves, and each of its comparisons is a step', () => {
    const members = Array.from({ length: 950 }, (_, i) => String.fromCharCode(0x4e00 + 2 * i)).join('');
    const test = vi.spyOn(RegExp.prototype, 'test');
    const work = (members: string): number => {
      const steps = { count: 0 };
      const pattern = parsePattern(`*[${members}]Z1`)!;
      test.mockClear();
      patternMatches(pattern, ['a'.repeat(240)], false, steps);
      return steps.count + test.mock.calls.length;
    };
    try {
      const least = 240;
      for (const written of [members, 'a'.repeat(950), '[:digit:]'.repeat(105)]) {
        expect(work(written)).toBeGreaterThan(least);
        expect(work(written)).toBeLessThanOrEqual(12 * least);
      }
      expect(work(members)).toBeGreaterThan(9 * least);
    } finally {
      test.mockRestore();
    }
  });

  it('names the line that is too long, and the file', async () => {
    const temp = await makeTempDir('long-pattern');
    try {
      writeFileSync(join(temp.path, '.gitignore'), `ok\n${'a'.repeat(200_000)}\n`);
      const rules = new IgnoreRules({ gitignore: true });
      await expect(rules.load(temp.path, '', 200_004)).rejects.toMatchObject({
        code: 'seed-invalid',
        message: expect.stringMatching(/\.gitignore: pattern 2 has 200000 characters/),
      });
      expect(() => new IgnoreRules({ ignore: ['a'.repeat(MAX_PATTERN_LENGTH + 1)] })).toThrow(/ignore: pattern 1/);
      await expect(rules.load(temp.path, '', 2 ** 40)).rejects.toMatchObject({ code: 'seed-invalid' });
    } finally {
      await temp.remove();
    }
  });
});
