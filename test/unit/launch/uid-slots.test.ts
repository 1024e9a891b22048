import { expect, it } from 'vitest';
import { UidSlots } from '../../../src/launch/uid-slots.js';

const range = { first: 40_000, count: 9 };

it('gives pairs that nobody has, and none when all are taken', async () => {
  const slots = new UidSlots(range, async () => [40_002]);
  const taken = await Promise.all([slots.take(), slots.take(), slots.take(), slots.take()]);
  expect(taken.slice(0, 3).sort()).toEqual([40_000, 40_004, 40_006]);
  expect(taken[3]).toBeUndefined();
});

it('goes on where the containers cannot be listed', async () => {
  const slots = new UidSlots(range, () => Promise.reject(new Error('away')));
  expect(await slots.take()).toBeGreaterThanOrEqual(40_000);
});

it('knows whether an image has a name for each', () => {
  const slots = new UidSlots(range, async () => []);
  expect(slots.namedBy({ uids: { first: 40_000, count: 9 } })).toBe(true);
  expect(slots.namedBy({ uids: { first: 39_000, count: 1008 } })).toBe(false);
  expect(slots.namedBy({ uids: { first: 40_001, count: 100 } })).toBe(false);
  expect(slots.namedBy({ uids: undefined })).toBe(false);
});
