import { expect, it } from 'vitest';
import type { AgentCapabilities } from '../../../src/agent/messages.js';
import { createSchema } from '../../../src/launch/options.js';
import { maxSockets, withSocketWarning } from '../../../src/launch/socket-limit.js';
import type { SandboxWarning } from '../../../src/launch/warnings.js';

const limits = (given: object) => createSchema.parse({ limits: given }).limits;
const kernel = (cgroup: AgentCapabilities['cgroup'], socketCounter = true) =>
  ({ cgroup, socketCounter }) as AgentCapabilities;

it('grows with the memory where the kernel counts sockets towards no limit', () => {
  for (const [memory, sockets] of [
    ['16m', 512],
    ['128m', 512],
    ['256m', 1024],
    ['512m', 2048],
    ['2g', 8192],
  ]) {
    expect(maxSockets(limits({ memory }), kernel('v1'))).toBe(sockets);
  }
  expect(maxSockets(limits({}), kernel('none'))).toBe(2048);
});

it('is only what was given where they count towards the memory', () => {
  expect(maxSockets(limits({}), kernel('v2'))).toBe(0);
  expect(maxSockets(limits({ sockets: 50 }), kernel('v2'))).toBe(50);
  expect(maxSockets(limits({ sockets: 50_000 }), kernel('v1'))).toBe(50_000);
});

it('is none where nobody can count them, with a warning for who asked for one', () => {
  const asked = limits({ sockets: 50 });
  const other: SandboxWarning = { code: 'runs-as-root', message: '' };
  const blind = kernel('none', false);
  expect(maxSockets(asked, blind)).toBe(0);
  const warnings = withSocketWarning([other], asked, blind);
  expect(warnings).toEqual([
    other,
    { code: 'sockets-unlimited', message: expect.stringContaining('limits.sockets (50)') },
  ]);
  // The next task in the same sandbox gives no number, or another one.
  expect(withSocketWarning(warnings, limits({}), blind)).toEqual([other]);
  expect(withSocketWarning(warnings, limits({ sockets: 60 }), blind)[1]?.message).toContain('60');
  expect(withSocketWarning([other], asked, kernel('v1'))).toEqual([other]);
});
