import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { runIoCases, trimmed } from '../../../src/verify/io-cases.js';
import { PatternMatch } from '../../../src/verify/pattern-match.js';
import { ioSchema } from '../../../src/verify/test-options.js';

test('the ends of lines and of the text are trimmed as a pattern would do it', () => {
  const unit = fc.constantFrom(' ', '\t', '\r', '\n', '\u2028', '\u2029', '\u00a0', 'x', 'é');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
      expect(trimmed(text)).toBe(text.replace(/[ \t\r]+$/gm, '').trimEnd());
    }),
    { numRuns: 5000 },
  );
});

const printing = (stdout: string): Sandbox =>
  ({
    exec: async () => ({ outcome: 'exited', exitCode: 0, stdout, stderr: '', truncated: false }),
  }) as unknown as Sandbox;

// The thread that matches would go on for years.
test('a pattern that finds no end in what a program printed stops no timer, and an abort ends it', async () => {
  const abort = new AbortController();
  let turns = 0;
  const timer = setInterval(() => ++turns === 20 && abort.abort(new Error('enough')), 5);
  const options = ioSchema.parse({ kind: 'io', command: 'true', cases: [{ stdout: /^(a+)+$/ }], signal: abort.signal });
  await expect(runIoCases(printing(`${'a'.repeat(100)}b`), options)).rejects.toThrow('enough');
  clearInterval(timer);
});

test('a pattern that finds no end fails its case', async () => {
  await using patterns = new PatternMatch();
  expect(await patterns.test(/^(a+)+$/, `${'a'.repeat(100)}b`, 50, undefined)).toBeUndefined();
  // The next one is tried in a new thread; where it was found before does not count.
  const again = /a/g;
  again.lastIndex = 1;
  expect(await patterns.test(again, 'a', 10_000, undefined)).toBe(true);
  expect(await patterns.test(/b/y, 'ab', 10_000, undefined)).toBe(true);
  expect(await patterns.test(/c/, 'ab', 10_000, undefined)).toBe(false);
});

// A pattern that backtracks would take hours for this.
test('a program that prints a million spaces is compared like any other', async () => {
  const options = ioSchema.parse({ kind: 'io', command: 'true', cases: [{ stdout: 'x' }] });
  expect((await runIoCases(printing(`${' '.repeat(1 << 20)}x`), options)).passed).toBe(false);
});
