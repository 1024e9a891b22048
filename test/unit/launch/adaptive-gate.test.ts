import { describe, expect, it } from 'vitest';
import { AdaptiveGate, type GateBounds } from '../../../src/launch/adaptive-gate.js';

/**
 * Sends `starts` through a gate in front of an engine that finishes `rate(n)` a second while n are at it, with at most
 * `callers` that want one at a time. Returns the limits there were.
 */
async function run(
  bounds: GateBounds,
  rate: (atOnce: number) => number,
  { starts = 2000, callers = 500 } = {},
): Promise<{ limits: number[]; atOnce: number }> {
  let clock = 0;
  const gate = new AdaptiveGate(bounds, () => clock);
  const running: (() => void)[] = [];
  const limits: number[] = [];
  let atOnce = 0;
  const call = () => void gate.acquire(1, undefined, 'starting').then((leave) => running.push(leave));
  for (let i = 0; i < callers; i++) call();
  for (let finished = 0; finished < starts; finished++) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    atOnce = Math.max(atOnce, running.length);
    clock += 1000 / rate(running.length);
    running.shift()!();
    limits.push(gate.size);
    call();
  }
  return { limits, atOnce };
}

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const settled = (limits: number[]) => average(limits.slice(limits.length / 2));
/** A machine of `cpus`: no faster with more at once, and slower with many more. */
const machine = (cpus: number) => (n: number) => Math.min(n, cpus) / (1 + 0.05 * Math.max(0, n - cpus));

describe('the gate of starts', () => {
  it.each([
    ['from below', 2, 12],
    ['from above', 32, 12],
    ['and stays there', 6, 6],
  ])('finds what the engine does best with, %s', async (_, initial, cpus) => {
    const { limits } = await run({ initial, min: 2, max: 32 }, machine(cpus));
    expect(settled(limits)).toBeGreaterThan(cpus * 0.7);
    expect(settled(limits)).toBeLessThan(cpus * 1.4);
  });

  it('takes the lower one of limits that do the same', async () => {
    const { limits } = await run({ initial: 8, min: 2, max: 16 }, () => 5);
    expect(settled(limits)).toBeLessThan(3);
  });

  it('never leaves its bounds', async () => {
    const faster = await run({ initial: 4, min: 2, max: 9 }, (n) => n);
    expect([Math.max(...faster.limits), faster.atOnce]).toEqual([9, 9]);
    const slower = await run({ initial: 4, min: 3, max: 9 }, (n) => 1 / n);
    expect(Math.min(...slower.limits)).toBe(3);
  });

  it('learns nothing while nobody has to wait', async () => {
    const { limits } = await run({ initial: 4, min: 2, max: 9 }, (n) => n, { callers: 3 });
    expect(new Set(limits)).toEqual(new Set([4]));
  });

  it('follows an engine that becomes slower under many', async () => {
    let cpus = 16;
    let asked = 0;
    const { limits } = await run(
      { initial: 4, min: 2, max: 32 },
      (n) => {
        if (++asked === 2000) cpus = 4;
        return machine(cpus)(n);
      },
      { starts: 4000 },
    );
    expect(average(limits.slice(1000, 2000))).toBeGreaterThan(11);
    expect(average(limits.slice(3000))).toBeLessThan(7);
  });
});
