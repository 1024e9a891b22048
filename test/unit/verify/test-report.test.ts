import { expect, test } from 'vitest';
import { makeReport } from '../../../src/verify/test-report.js';

test('a problem of four million spaces becomes a reason at once', () => {
  const problem = `a\n\n  b${' '.repeat(4_000_000)}c`;
  const started = performance.now();
  const { reason } = makeReport({ tests: [], guarantee: 'isolated', output: '', startedAt: started, problem });
  expect(performance.now() - started).toBeLessThan(1000);
  expect(reason).toMatch(/^a b {995,}$/);
  expect(reason).toHaveLength(1000);
});
