// The pool's decisions. What it makes are tokens here; with real containers it is tested in test/docker/pool.test.ts.
import { expect, it, onTestFinished, vi } from 'vitest';
import { deferred } from '../../../src/base/abort.js';
import { TaskAbortedError } from '../../../src/base/errors.js';
import { createSchema, type ResolvedCreateOptions } from '../../../src/launch/options.js';
import { pooledOptions } from '../../../src/pool/pool-key.js';
import { parsePool } from '../../../src/pool/pool-options.js';
import type { PoolEvent } from '../../../src/pool/pool-stats.js';
import type { Pooled } from '../../../src/pool/pooled.js';
import { ReadyPool } from '../../../src/pool/ready-pool.js';

class Token implements Pooled {
  isEnded = false;
  answers = true;
  readonly id: string;
  readonly imageId: string;
  constructor(id: string, imageId: string) {
    this.id = id;
    this.imageId = imageId;
  }
  async check() {
    return this.answers;
  }
}

const options = (given: object = {}) => createSchema.parse(given);

function poolOf(
  given: object,
  { fails = (_: ResolvedCreateOptions): string | undefined => undefined, canResize = true } = {},
) {
  const parsed = parsePool(given);
  const world = {
    clock: 0,
    image: 'sha:1',
    atOnce: 0,
    mostAtOnce: 0,
    made: [] as Token[],
    removed: [] as string[],
    events: [] as PoolEvent[],
    /** Makers wait for it. */
    open: Promise.resolve() as Promise<void>,
  };
  const kept = parsed.keep.map(({ size, image }) => ({ size, options: pooledOptions(options({ image })) }));
  const pool = new ReadyPool<Token>(
    parsed,
    kept,
    {
      make: async (asked) => {
        world.mostAtOnce = Math.max(world.mostAtOnce, ++world.atOnce);
        await world.open;
        world.atOnce--;
        const problem = fails(asked);
        if (problem) throw new Error(problem);
        const token = new Token(`t${world.made.length}`, world.image);
        world.made.push(token);
        return token;
      },
      remove: async (token) => {
        token.isEnded = true;
        world.removed.push(token.id);
      },
      canResize,
      imageId: async () => world.image,
      emit: (event) => world.events.push(event),
    },
    () => world.clock,
  );
  onTestFinished(() => pool.drain());
  pool.start();
  return { pool, world };
}

it('keeps what it was asked to keep, no more at a time than allowed, and replaces what is claimed', async () => {
  const { pool, world } = poolOf({
    keep: [
      { image: 'python', size: 3 },
      { image: 'node', size: 1 },
    ],
    concurrency: 2,
  });
  await pool.filled();
  expect(world.mostAtOnce).toBe(2);
  expect(pool.stats).toMatchObject({ ready: 4, refilling: 0, hits: 0, misses: 0 });
  expect((await pool.claim(options(), undefined, undefined))?.id).toBe('t2');
  await pool.filled();
  expect(pool.stats).toMatchObject({ ready: 4, hits: 1, misses: 0 });
  expect(world.made).toHaveLength(5);
});

it('hands out nothing for options it does not keep', async () => {
  const { pool } = poolOf([{ image: 'python', size: 1 }]);
  await pool.filled();
  expect(await pool.claim(options({ image: 'node' }), undefined, undefined)).toBeUndefined();
  expect(await pool.claim(options({ limits: { files: 100 } }), undefined, undefined)).toBeUndefined();
  expect(pool.stats).toMatchObject({ ready: 1, hits: 0, misses: 0 });
});

it.each([true, false])('hands out one of other limits where they can be changed: %s', async (canResize) => {
  const { pool } = poolOf([{ image: 'python', size: 1 }], { canResize });
  await pool.filled();
  const found = await pool.claim(options({ limits: { cpus: 2 } }), undefined, undefined);
  expect(found?.id).toBe(canResize ? 't0' : undefined);
});

it('never hands out one that has ended or does not answer: the next one, then none', async () => {
  const { pool, world } = poolOf([{ image: 'python', size: 3 }]);
  await pool.filled();
  world.made[2]!.isEnded = true;
  world.made[1]!.answers = false;
  expect((await pool.claim(options(), undefined, undefined))?.id).toBe('t0');
  expect(world.removed).toEqual(['t2', 't1']);
  expect(await pool.claim(options(), undefined, undefined)).toBeUndefined();
  expect(pool.stats).toMatchObject({ hits: 1, misses: 1, discarded: { 'ended by itself': 1, 'did not answer': 1 } });
  await pool.filled();
  expect(pool.stats.ready).toBe(3);
});

it('replaces one that ends while it stands there', async () => {
  const { pool, world } = poolOf([{ image: 'python', size: 1 }]);
  await pool.filled();
  pool.lost(world.made[0]!, 'ended by itself');
  pool.lost(world.made[0]!, 'ended by itself');
  await pool.filled();
  expect(pool.stats).toMatchObject({ ready: 1, discarded: { 'ended by itself': 1 } });
  expect(world.removed).toEqual(['t0']);
});

it('hands a used one only to its own domain, the one used last first, and an untouched one when there is none', async () => {
  const { pool } = poolOf([{ image: 'python', size: 1 }]);
  await pool.filled();
  const used = ['a1', 'a2', 'b'].map((id) => new Token(id, 'sha:1'));
  pool.give(used[0]!, options(), 'a');
  pool.give(used[1]!, options(), 'a');
  pool.give(used[2]!, options(), 'b');
  expect(pool.stats).toMatchObject({ ready: 4, recycled: 3, kinds: [{ ready: 1, recycled: 3 }] });
  const claim = async (domain: string | undefined) => (await pool.claim(options(), domain, undefined))?.id;
  expect(await claim('a')).toBe('a2');
  expect(await claim('a')).toBe('a1');
  expect(await claim('c')).toBe('t0');
  expect(await claim('a')).toBeUndefined();
  expect(await claim(undefined)).toBeUndefined();
  expect(await claim('b')).toBe('b');
});

it('takes back no more than there is room for besides what it keeps', async () => {
  const { pool, world } = poolOf({ keep: [{ image: 'python', size: 2 }], max: 3 });
  await pool.filled();
  expect(pool.refusal(options())).toBeUndefined();
  pool.give(new Token('a', 'sha:1'), options(), 'a');
  expect(pool.refusal(options())).toBe('the pool is full');
  pool.give(new Token('b', 'sha:1'), options(), 'a');
  expect(world.removed).toEqual(['b']);
  expect(pool.refusal(options({ workspace: { mode: 'bind', path: '/x' } }))).toMatch(/bind/);
});

it('learns from misses, up to its maximum, and forgets what nobody asks for', async () => {
  const { pool, world } = poolOf({ learn: true, max: 2, idleMs: 1000 });
  for (let i = 0; i < 4; i++)
    expect(await pool.claim(options({ image: 'node' }), undefined, undefined)).toBeUndefined();
  await pool.filled();
  expect(pool.stats).toMatchObject({ misses: 4, ready: 2, kinds: [{ image: 'node', ready: 2, learnt: 2 }] });
  expect((await pool.claim(options({ image: 'node' }), undefined, undefined))?.id).toBe('t1');
  await pool.filled();
  world.clock = 999;
  await pool.tend();
  expect(pool.stats.ready).toBe(2);
  world.clock = 1000;
  await pool.tend();
  expect(pool.stats).toMatchObject({ ready: 0, discarded: { idle: 2 } });
  await pool.tend();
  expect(pool.stats.kinds).toEqual([]);
});

it('shrinks to what it was asked to keep, and lets used ones go when they were not wanted', async () => {
  const { pool, world } = poolOf({ keep: [{ image: 'python', size: 1 }], learn: true, idleMs: 1000 });
  await pool.filled();
  await pool.claim(options(), undefined, undefined);
  await pool.claim(options(), undefined, undefined);
  await pool.filled();
  pool.give(new Token('used', 'sha:1'), options(), 'a');
  expect(pool.stats.kinds).toMatchObject([{ ready: 2, recycled: 1, size: 1, learnt: 1 }]);
  world.clock = 5000;
  await pool.tend();
  expect(pool.stats.kinds).toMatchObject([{ ready: 1, recycled: 0, size: 1, learnt: 0 }]);
  expect(world.removed).toContain('used');
});

it('replaces what was made from an image that has another content by now', async () => {
  const { pool, world } = poolOf([{ image: 'python', size: 2 }]);
  await pool.filled();
  world.image = 'sha:2';
  await pool.tend();
  await pool.filled();
  expect(world.removed.sort()).toEqual(['t0', 't1']);
  expect((await pool.claim(options(), undefined, undefined))?.imageId).toBe('sha:2');
});

it('tries again later what could not be made, says why, and lets others be made meanwhile', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let broken = true;
  const fails = ({ image }: ResolvedCreateOptions) => (broken && image === 'node' ? 'no such image' : undefined);
  const { pool, world } = poolOf(
    [
      { image: 'node', size: 1 },
      { image: 'python', size: 2 },
    ],
    { fails },
  );
  await vi.waitFor(() => expect(pool.stats.ready).toBe(2));
  expect(world.events.filter(({ type }) => type === 'pool.failed')).toMatchObject([
    { image: 'node', error: 'no such image' },
  ]);
  await vi.advanceTimersByTimeAsync(600);
  expect(world.events.filter(({ type }) => type === 'pool.failed')).toHaveLength(2);
  broken = false;
  await vi.advanceTimersByTimeAsync(2000);
  expect(pool.stats).toMatchObject({ ready: 3, refilling: 0 });
});

it('puts one back whose claim was aborted meanwhile', async () => {
  const { pool } = poolOf([{ image: 'python', size: 1 }]);
  await pool.filled();
  const controller = new AbortController();
  const claiming = pool.claim(options(), undefined, controller.signal);
  controller.abort();
  await expect(claiming).rejects.toThrow(TaskAbortedError);
  expect(pool.stats).toMatchObject({ ready: 1, hits: 0 });
});

it('drained, it removes all it has, and what comes to be made after that', async () => {
  const { pool, world } = poolOf([{ image: 'python', size: 2 }]);
  await pool.filled();
  const gate = deferred<void>();
  world.open = gate.promise;
  await pool.claim(options(), undefined, undefined);
  const filling = pool.filled();
  await vi.waitFor(() => expect(world.atOnce).toBe(1));
  const draining = pool.drain();
  gate.resolve();
  await Promise.all([draining, filling, pool.drain()]);
  expect(world.removed.sort()).toEqual(['t0', 't2']);
  expect(pool.stats.ready).toBe(0);
  expect(await pool.claim(options(), undefined, undefined)).toBeUndefined();
  expect(pool.refusal(options())).toBe('the manager is closing');
  pool.give(new Token('late', 'sha:1'), options(), 'a');
  expect(world.removed).toContain('late');
});
