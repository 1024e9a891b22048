import { expect, it } from 'vitest';
import { cpuVariables } from '../../../src/command/cpu-variables.js';

it.each([
  [0.01, '1', '4'],
  [1, '1', '4'],
  [1.5, '2', '4'],
  [4, '4', '4'],
  [6.1, '7', '7'],
])('tells programs of %d CPUs that they have %s, and never takes threads of libuv away', (cpus, threads, uv) => {
  const { UV_THREADPOOL_SIZE, ...others } = cpuVariables(cpus);
  expect(UV_THREADPOOL_SIZE).toBe(uv);
  expect(new Set(Object.values(others))).toEqual(new Set([threads]));
  expect(Object.keys(others)).toEqual(
    expect.arrayContaining([
      'OMP_NUM_THREADS',
      'OPENBLAS_NUM_THREADS',
      'MKL_NUM_THREADS',
      'NUMEXPR_NUM_THREADS',
      'RAYON_NUM_THREADS',
      'GOMAXPROCS',
    ]),
  );
});
