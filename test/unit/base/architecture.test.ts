import { expect, it } from 'vitest';
import { architectureOf } from '../../../src/base/architecture.js';

it.each([
  ['amd64', 'x64'],
  ['x86_64', 'x64'],
  ['x64', 'x64'],
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
  ['riscv64', undefined],
  ['armv7l', undefined],
  ['', undefined],
  ['constructor', undefined],
])('the processor %s is %s', (name, architecture) => {
  expect(architectureOf(name)).toBe(architecture);
});
