import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { STEPS_PER_TURN, sortInTurns, WorkMeter } from '../../../src/base/work-meter.js';

describe('a work meter', () => {
  it('shares a turn with no other: of ten tasks at once, one goes on in each', async () => {
    let [parts, most, left] = [0, 0, 10];
    const work = async () => {
      const meter = new WorkMeter();
      for (let i = 0; i < 20; i++) {
        parts += 1;
        if (meter.spend(STEPS_PER_TURN)) await meter.rest();
      }
      left -= 1;
    };
    const tasks = Array.from({ length: 10 }, work);
    // All of them began in this turn.
    parts = 0;
    while (left > 0) {
      await turn();
      [most, parts] = [Math.max(most, parts), 0];
    }
    await Promise.all(tasks);
    expect(most).toBe(1);
  });

  it('ends a task whose signal fired while it rested, and the others go on', async () => {
    const abort = new AbortController();
    const rests = [new WorkMeter().rest(abort.signal), new WorkMeter().rest()];
    abort.abort(new Error('enough'));
    expect(await Promise.allSettled(rests)).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }]);
  });
});

it('sorting in turns sorts', async () => {
  const items = Array.from({ length: 5000 }, (_, i) => `${(i * 7919) % 5003}`);
  expect(await sortInTurns([...items], (item) => item)).toEqual([...items].sort());
});
