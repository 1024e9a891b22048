import { expect, it } from 'vitest';
import { checkAgent } from '../../../src/backends/docker/doctor/agent.js';
import { engineArchitecture } from '../../../src/backends/docker/engine-architecture.js';

it.each([
  ['linux', 'riscv64'],
  ['windows', 'amd64'],
])('an engine that runs %s/%s is refused by name', (Os, Arch) => {
  expect(() => engineArchitecture({ Os, Arch })).toThrow(
    expect.objectContaining({ code: 'engine-error', message: expect.stringContaining(`${Os}/${Arch}`) }),
  );
});

it('the doctor names a processor that has no agent instead of calling it arm64', () => {
  expect(checkAgent('riscv64')).toMatchObject({ status: 'fail', message: 'no agent for engines on riscv64' });
  expect(checkAgent('')).toMatchObject({ status: 'fail', message: 'no agent for engines on an unknown processor' });
});
