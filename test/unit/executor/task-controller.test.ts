/** Tasks in the background: status, abort with grace, events, limits. */
import { describe, expect, it } from 'vitest';
import { TaskController } from '../../../src/executor/task/task-controller.js';
import { loop } from './loops.js';

const hanging = () =>
  loop({ branches: 2, propose: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)) });

describe('a task', () => {
  it('runs in the background and gives its result', async () => {
    const controller = new TaskController(loop({ verify: () => ({ passed: true }) }));
    const handle = controller.start('task', { id: 'one' });
    expect(handle.status()).toMatchObject({ id: 'one', state: 'running', iteration: 0 });
    expect(await handle.result).toMatchObject({ run: 'one', status: 'accepted' });
    expect(controller.get('one')?.status()).toMatchObject({
      state: 'accepted',
      iteration: 1,
      branches: [
        { branch: 1, strategy: 'branch 1', phase: 'passed' },
        { branch: 2, phase: 'passed' },
        { branch: 3, phase: 'passed' },
      ],
    });
  });

  it('loses no event to a reader that begins with it', async () => {
    const handle = new TaskController(loop({ maxIterations: 1 })).start('task');
    const types: string[] = [];
    for await (const { type } of handle.events()) types.push(type);
    expect(types[0]).toBe('run.started');
    expect(types.at(-1)).toBe('completed');
    for await (const event of handle.events()) throw new Error(`nothing comes after the end: ${event.type}`);
  });

  it('says which branch is where', async () => {
    const handle = new TaskController(hanging()).start('task');
    let proposals = 0;
    for await (const event of handle.events()) {
      if (event.type === 'phase.changed' && event.phase === 'propose' && ++proposals === 2) break;
    }
    expect(handle.status().branches.map(({ phase }) => phase)).toEqual(['propose', 'propose']);
    await handle.abort();
    expect(handle.status()).toMatchObject({ state: 'aborted', endedAt: expect.any(Number) });
  });

  it('that cannot begin fails, without an unhandled rejection', async () => {
    const handle = new TaskController(loop()).start('task', { resume: { version: 2 } as never });
    await expect(handle.result).rejects.toThrow('expected the state of an earlier run');
    expect(handle.status().state).toBe('failed');
  });
});

describe('abort', () => {
  it('says that the grace was enough', async () => {
    const handle = new TaskController(hanging()).start('task');
    const answer = await handle.abort({ graceMs: 5000, reason: 'no longer needed' });
    expect(answer).toMatchObject({ settled: true, state: 'aborted' });
    expect((await handle.result).finalOutput).toContain('Aborted (no longer needed)');
  });

  it('says when it was not, waits no longer, and the task ends all the same', async () => {
    const controller = new TaskController(loop({ branches: 1, propose: () => new Promise(() => {}), unwindMs: 400 }));
    const handle = controller.start('task');
    for await (const { type } of handle.events()) if (type === 'phase.changed') break;
    const answer = await handle.abort({ graceMs: 30 });
    expect(answer).toMatchObject({ settled: false, state: 'aborting' });
    // It did not wait for the end, which `settled` would say. Node's timers may end a fraction of a millisecond early.
    expect(answer.waitedMs).toBeGreaterThanOrEqual(29);
    expect((await handle.result).abort?.abandoned).toEqual(['propose of branch 1, iteration 1']);
    expect(await handle.abort()).toMatchObject({ settled: true, state: 'aborted' });
  });

  it('of the controller aborts all tasks, and the caller’s signal its own', async () => {
    await using controller = new TaskController(hanging());
    const own = new AbortController();
    const [first, ...others] = [{ signal: own.signal }, {}, {}].map((options) => controller.start('task', options));
    own.abort(new Error('only this'));
    expect((await first!.result).abort?.reason).toBe('only this');
    expect(others.map(({ running }) => running)).toEqual([true, true]);
    expect(await controller.abort()).toMatchObject([{ settled: true }, { settled: true }]);
    expect(controller.status().map(({ state }) => state)).toEqual(['aborted', 'aborted', 'aborted']);
  });
});

it('does not run two tasks under one name', async () => {
  await using controller = new TaskController(hanging());
  controller.start('task', { id: 'same' });
  expect(() => controller.start('task', { id: 'same' })).toThrow('task same is running already');
  expect(() => controller.start('task', { id: '../up' })).toThrow('expected letters');
});

it('forgets tasks that ended long ago', async () => {
  const controller = new TaskController(loop({ maxIterations: 1, branches: 1 }));
  for (let task = 0; task < 110; task++) await controller.start('task', { id: `t${task}` }).result;
  expect(controller.status().length).toBeLessThanOrEqual(101);
  expect(controller.get('t0')).toBeUndefined();
  expect(controller.get('t109')).toBeDefined();
});
