import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Sandbox } from '../../../src/sandbox.js';
import { runIoCases, trimmed } from '../../../src/verify/io-cases.js';
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

// A pattern that backtracks would take hours for this.
test('a program that prints a million spaces is compared like any other', async () => {
  const result = { outcome: 'exited', exitCode: 0, stdout: `${' '.repeat(1 << 20)}x`, stderr: '', truncated: false };
  const sandbox = { exec: async () => result } as unknown as Sandbox;
  const options = ioSchema.parse({ kind: 'io', command: 'true', cases: [{ stdout: 'x' }] });
  expect((await runIoCases(sandbox, options)).passed).toBe(false);
});
