import { expect, test } from 'vitest';
import { checkCpus } from '../../../src/launch/cpu-limit.js';

test('more CPUs than there are is a bad option that says how many there are', () => {
  expect(() => checkCpus('create', 64, 2)).toThrow(
    expect.objectContaining({
      code: 'invalid-options',
      message: "create: limits.cpus: 64 is more than the engine's machine has, which is 2",
    }),
  );
  expect(() => checkCpus('create', 2, 2)).not.toThrow();
  expect(() => checkCpus('create', 64, 0)).not.toThrow();
});
