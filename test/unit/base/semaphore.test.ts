import { expect, it } from 'vitest';
import { TaskAbortedError } from '../../../src/base/errors.js';
import { Semaphore } from '../../../src/base/semaphore.js';

it('gives places out in the order they were asked for, several at once', async () => {
  const places = new Semaphore(3);
  const order: string[] = [];
  const take = async (name: string, count: number) => {
    const release = await places.acquire(count, undefined, name);
    order.push(name);
    return release;
  };
  const first = await take('first', 2);
  const big = take('big', 3);
  const small = take('small', 1);
  await Promise.resolve();
  // The small one would fit, but the big one was first: else it might wait for ever.
  expect(order).toEqual(['first']);
  first();
  first();
  (await big)();
  (await small)();
  expect(order).toEqual(['first', 'big', 'small']);
  expect([places.taken, places.waiting]).toEqual([0, 0]);
});

it('lets those behind go on when one that waits is aborted', async () => {
  const places = new Semaphore(2);
  const first = await places.acquire(1, undefined, 'first');
  const controller = new AbortController();
  const big = places.acquire(2, controller.signal, 'big');
  const small = places.acquire(1, undefined, 'small');
  controller.abort(new Error('enough'));
  await expect(big).rejects.toBeInstanceOf(TaskAbortedError);
  (await small)();
  first();
  expect(places.taken).toBe(0);
});

it('refuses what can never be had', async () => {
  await expect(new Semaphore(1).acquire(2, undefined, 'a branch')).rejects.toThrow('needs 2 slots, the limit is 1');
});
