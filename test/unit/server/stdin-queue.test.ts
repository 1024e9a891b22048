/** Input that is not read yet. */
import { expect, it } from 'vitest';
import { StdinQueue } from '../../../src/server/ws/stdin-queue.js';

function pushed(queue: StdinQueue, bytes: number): number {
  for (let pushes = 0; pushes < 10_000; pushes++) {
    try {
      queue.push(Buffer.alloc(bytes));
    } catch (error) {
      expect(error).toMatchObject({ code: 'too-large' });
      return pushes;
    }
  }
  return 10_000;
}

it('is bounded in tiny pieces, too', () => {
  expect(pushed(new StdinQueue(8192, () => {}), 1)).toBeLessThan(100);
});

it('has room again once it was read', async () => {
  const taken: number[] = [];
  const queue = new StdinQueue(8192, (bytes) => taken.push(bytes));
  const room = pushed(queue, 1);
  const reading = queue.read();
  // The last one counts as taken when the one after it is asked for.
  for (let n = 0; n < room; n++) await reading.next();
  const after = reading.next();
  expect(taken).toEqual(Array(room).fill(1));
  queue.push(Buffer.alloc(1));
  await after;
  expect(pushed(queue, 1)).toBe(room - 1);
});

it('is nothing when it is empty', async () => {
  const queue = new StdinQueue(8192, () => {});
  expect(pushed(queue, 0)).toBe(10_000);
  queue.end();
  expect(await queue.read().next()).toEqual({ done: true, value: undefined });
});
