import { expect, test } from 'vitest';
import { makeReport } from '../../../src/verify/test-report.js';

test('a problem of four million spaces becomes a short reason', () => {
  const problem = `a\n\n  b${' '.repeat(4_000_000)}c`;
  const { reason } = makeReport({ tests: [], guarantee: 'isolated', output: '', startedAt: 0, problem });
  expect(reason).toMatch(/^a b {995,}$/);
  expect(reason).toHaveLength(1000);
});
