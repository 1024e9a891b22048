/** Abort at every point of the loop: what a run says then, and that nothing begins afterwards. */
import { describe, expect, it } from 'vitest';
import { TaskAbortedError } from '../../../src/base/errors.js';
import type { StepContext } from '../../../src/executor/types.js';
import { Events, loop } from './loops.js';

const NODES = ['strategize', 'propose', 'verify', 'refine', 'decide', 'remember'] as const;
type Node = (typeof NODES)[number];

/** How a function behaves when the signal fires while it is at work. */
const MANNERS = {
  'throws the reason': (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  'returns all the same': (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  'never returns': () => new Promise<never>(() => {}),
};

/** A loop of two iterations whose `node` of the `at`th iteration aborts, and then behaves in a `manner`. */
function aborting(node: Node, at: number, manner: keyof typeof MANNERS, controller: AbortController) {
  const begun: string[] = [];
  const results: Record<Node, unknown> = {
    strategize: [{ name: 'a' }, { name: 'b' }],
    propose: 'proposal',
    verify: { passed: false, reason: 'wrong' },
    refine: 'refined',
    decide: { feedback: 'try harder' },
    remember: undefined,
  };
  const functions = Object.fromEntries(
    NODES.map((name) => [
      name,
      async (context: StepContext<string>) => {
        begun.push(`${name} ${context.iteration}`);
        expect(controller.signal.aborted, `${name} began after the abort`).toBe(false);
        if (name === node && context.iteration === at) {
          setImmediate(() => controller.abort(new Error('enough')));
          await MANNERS[manner](context.signal);
        } else await Promise.resolve();
        return results[name];
      },
    ]),
  );
  return { executor: loop({ ...functions, maxRefinements: 1, maxIterations: 2, unwindMs: 20 } as never), begun };
}

describe.each(NODES)('an abort during %s', (node) => {
  describe.each(Object.keys(MANNERS) as (keyof typeof MANNERS)[])('that %s', (manner) => {
    it.each([1, 2])('of iteration %i resolves with what is complete', async (at) => {
      const controller = new AbortController();
      const { executor, begun } = aborting(node, at, manner, controller);
      const events = new Events();
      const result = await executor.run('task', { signal: controller.signal, onEvent: events.take });
      const count = begun.length;
      expect(result.status).toBe('aborted');
      expect(result.abort?.reason).toBe('enough');
      expect(result.lastIteration?.iteration).toBe(at === 1 ? undefined : 1);
      expect(result.finalOutput).toBe(
        at === 1
          ? 'Aborted (enough) before the first iteration was complete.'
          : 'Aborted (enough) after iteration 1. Its result: a failed (wrong); b failed (wrong)',
      );
      expect(result.state).toMatchObject({ task: 'task', nextIteration: at });
      expect(result.iterations.at(-1)).toMatchObject({ iteration: at, complete: false });
      expect(events.types().slice(-2)).toEqual(['aborted', 'completed']);
      expect(result.abort!.abandoned.some((what) => what.startsWith(node))).toBe(manner === 'never returns');
      await new Promise((resolve) => setImmediate(resolve));
      expect(begun).toHaveLength(count);
    });
  });
});

it('an abort before the run begins nothing', async () => {
  const events = new Events();
  const result = await loop({
    propose: () => {
      throw new Error('must not run');
    },
  }).run('task', { signal: AbortSignal.abort(new Error('no need')), onEvent: events.take });
  expect(result).toMatchObject({ status: 'aborted', iterations: [], state: { nextIteration: 1 } });
  expect(result.finalOutput).toBe('Aborted (no need) before the first iteration was complete.');
  expect(events.types()).toEqual(['run.started', 'aborted', 'completed']);
});

it('an abort between two iterations ends the run with the first', async () => {
  const controller = new AbortController();
  const result = await loop({ maxIterations: 2, branches: 1 }).run('task', {
    signal: controller.signal,
    onEvent: ({ type }) => type === 'iteration.ended' && controller.abort(new Error('one is enough')),
  });
  expect(result).toMatchObject({ status: 'aborted', lastIteration: { iteration: 1 }, state: { nextIteration: 2 } });
  expect(result.iterations).toHaveLength(1);
});

it('an abort while branches wait for a place begins none of them', async () => {
  const controller = new AbortController();
  const begun: number[] = [];
  const result = await loop({
    branches: 5,
    concurrency: 1,
    propose: async ({ branch }) => {
      begun.push(branch);
      controller.abort(new Error('stop'));
    },
  }).run('task', { signal: controller.signal });
  expect(begun).toEqual([1]);
  expect(new Set(result.iterations[0]!.branches.map(({ status }) => status))).toEqual(new Set(['aborted']));
});

describe('external calls', () => {
  it('are refused after the abort, and rejected at once while under way', async () => {
    const controller = new AbortController();
    const errors: unknown[] = [];
    let later!: Promise<unknown>;
    const result = await loop({
      branches: 1,
      propose: async ({ external }) => {
        const hanging = external('hangs', () => new Promise(() => {}));
        setImmediate(() => controller.abort(new Error('stop')));
        await hanging.catch((error) => errors.push(error));
        later = external('too late', () => 'done').catch((error) => errors.push(error));
        await later;
      },
    }).run('task', { signal: controller.signal });
    expect(result.status).toBe('aborted');
    await later;
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toBeInstanceOf(TaskAbortedError);
  });

  it('are not retried after it', async () => {
    const controller = new AbortController();
    let attempts = 0;
    const result = await loop({
      branches: 1,
      propose: ({ external }) =>
        external(
          'flaky',
          () => {
            attempts++;
            controller.abort(new Error('stop'));
            throw new Error('busy');
          },
          { retries: 5, minDelayMs: 1 },
        ),
    }).run('task', { signal: controller.signal });
    expect(result.status).toBe('aborted');
    expect(attempts).toBe(1);
  });
});

it('a TaskAbortedError of a function ends the whole run', async () => {
  const result = await loop({
    branches: 3,
    propose: ({ branch }) => {
      if (branch === 2) throw new TaskAbortedError('the budget is spent');
      return new Promise(() => {});
    },
    unwindMs: 10,
  }).run('task');
  expect(result).toMatchObject({ status: 'aborted', abort: { reason: 'the budget is spent' } });
});

it('the total time limit ends the run with status timeout', async () => {
  const result = await loop({ timeouts: { totalMs: 20 }, propose: () => new Promise(() => {}), unwindMs: 10 }).run(
    'task',
  );
  expect(result.status).toBe('timeout');
  expect(result.finalOutput).toMatch(/^Timed out \(run \w+ took longer than 20 ms\) before the first iteration/);
});

it('what has been accepted stays accepted when the abort comes after it', async () => {
  const controller = new AbortController();
  const result = await loop({
    verify: () => ({ passed: true }),
    remember: () => controller.abort(new Error('too late')),
  }).run('task', { signal: controller.signal });
  expect(result).toMatchObject({ status: 'accepted', abort: undefined });
});

it('leaves no listener on the signal', async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await loop({ maxIterations: 3, branches: 8 }).run('task', { signal });
  expect(listeners).toBe(0);
});

describe('resume', () => {
  it('goes on where the abort was, with memory and feedback', async () => {
    const controller = new AbortController();
    const seen: unknown[] = [];
    const executor = loop({
      maxIterations: 3,
      branches: 1,
      propose: ({ iteration, feedback, memory }) => {
        seen.push([iteration, feedback, memory.lessons.length, memory.notes.count]);
        if (iteration === 2 && !controller.signal.aborted) controller.abort(new Error('pause'));
      },
      decide: ({ iteration }) => ({ feedback: `after ${iteration}` }),
      remember: ({ memory, iteration }) => {
        memory.notes.count = iteration;
        memory.learn({ iteration, branch: 1, strategy: 'x', outcome: 'failed', reason: 'wrong' });
      },
    });
    const first = await executor.run('task', { signal: controller.signal, id: 'paused' });
    expect(first.state).toMatchObject({ run: 'paused', nextIteration: 2, feedback: 'after 1' });
    // Through JSON, as from a file.
    const second = await executor.run('task', { resume: JSON.parse(JSON.stringify(first.state)) });
    expect(second).toMatchObject({ run: 'paused', status: 'exhausted', state: { nextIteration: 4 } });
    expect(seen).toEqual([
      [1, undefined, 0, undefined],
      [2, 'after 1', 1, 1],
      [2, 'after 1', 1, 1],
      [3, 'after 2', 2, 2],
    ]);
    expect(first.state.memory.lessons).toHaveLength(1);
  });
});
