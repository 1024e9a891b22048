/**
 * Tournaments with eight branches, hostile ones among them, aborted at random moments; and run after run of them.
 * 4 aborts and 3 runs; with RIPCORD_LONG=1, 100 and 20. RIPCORD_CHAOS_SEED repeats the moments.
 */
import { randomInt } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  IterationExecutor,
  type ManagerEvent,
  type NamedStrategy,
  type RunOptions,
  runTests,
  type TestReport,
} from 'ripcord-sandbox';
import { expect, it } from 'vitest';
import { readProblems } from '../../src/cli/jobs/humaneval/problems.js';
import { readMutations } from '../../src/cli/jobs/tournament/mutations.js';
import { BY_NAME, IMPOSTORS, SOLUTION } from '../../src/cli/jobs/tournament/variants.js';
import { containersOf } from '../helpers/audit.js';
import { randomFrom, repeats, summary } from '../helpers/chaos/measure.js';
import { makeTempDir } from '../helpers/fixtures.js';
import { retainedBytes } from '../helpers/retained.js';
import { useManager } from '../helpers/sandbox.js';

const BRANCHES = 8;
const MINUTE = 60_000;
const LIMITS = { memory: '256m', pids: 64, workspace: '32m' };

const under = useManager();
const [problem] = await readProblems(1);
const mutation = (await readMutations()).get(problem!.task_id)!;
const named = ({ name }: { name: string }): NamedStrategy => ({ name });
/** Verification of these lasts until its time limit, which is long enough for the solution on a busy machine. */
const ENDLESS = ['sleeps', 'bombs with forks'];
const brief = IMPOSTORS.filter(({ name }) => !ENDLESS.includes(name));
/** Every branch fails in the first iteration; the solution passes in the second one. */
const FIRST = brief.slice(0, BRANCHES).map(named);
const SECOND = [...brief.slice(BRANCHES, 2 * BRANCHES - 1), SOLUTION].map(named);

const tournament = (target: string) =>
  new IterationExecutor<string, NamedStrategy, void, TestReport>(under.manager, {
    target,
    maxIterations: 2,
    branches: BRANCHES,
    sandbox: { limits: LIMITS },
    verifyIn: 'same',
    strategize: ({ iteration }) => (iteration === 1 ? FIRST : SECOND),
    propose: ({ sandbox, strategy }) =>
      sandbox.files.write('solution.py', BY_NAME.get(strategy.name)!.source(problem!, mutation)),
    verify: ({ sandbox, signal }) =>
      runTests(sandbox, {
        kind: 'calls',
        module: 'solution',
        functions: [problem!.entry_point],
        tests: problem!.test,
        timeoutMs: 30_000,
        signal,
      }),
  });

async function expectNothingLeft(receipts: { errors: string[] }[]): Promise<void> {
  expect(under.manager.list()).toEqual([]);
  expect(await containersOf(under.manager.instance)).toEqual([]);
  expect(receipts.flatMap(({ errors }) => errors)).toEqual([]);
}

it(
  'an abort at a random moment: nothing begins after it, nothing is left, and the run can be resumed',
  async () => {
    const seed = Number(process.env.RIPCORD_CHAOS_SEED ?? randomInt(1_000_000));
    console.log(`[chaos] RIPCORD_CHAOS_SEED=${seed}`);
    const random = randomFrom(seed);
    const begun: string[] = [];
    const follow = ({ type }: ManagerEvent) => {
      if (type === 'command.started' || type === 'sandbox.creating') begun.push(type);
    };
    under.manager.on('event', follow);
    // How long a whole one takes is where the random moments lie.
    let wholeMs: number;
    {
      await using target = await makeTempDir('target');
      const whole = await tournament(target.path).run('task');
      expect(whole).toMatchObject({ status: 'accepted', winner: { iteration: 2, strategy: { name: 'solution' } } });
      wholeMs = whole.durationMs;
    }
    const settled: number[] = [];
    let resumedOnce = false;
    for (let round = 0; round < repeats(3, 100); round++) {
      await using target = await makeTempDir('target');
      const controller = new AbortController();
      const aborting: Pick<RunOptions<string>, 'signal'> = { signal: controller.signal };
      let abortedAt = Number.POSITIVE_INFINITY;
      const timer = setTimeout(() => {
        abortedAt = performance.now();
        controller.abort(new Error('enough'));
      }, random() * wholeMs);
      const result = await tournament(target.path).run('task', aborting);
      clearTimeout(timer);
      const endedAt = performance.now();
      begun.length = 0;
      await expectNothingLeft(result.receipts);
      await sleep(50);
      expect(begun).toEqual([]);
      const files = await readdir(target.path);
      expect(files).toEqual(result.status === 'accepted' ? ['solution.py'] : []);
      if (result.status === 'accepted') continue;
      settled.push(endedAt - abortedAt);
      expect(result.status).toBe('aborted');
      expect(result.state.nextIteration).toBe((result.lastIteration?.iteration ?? 0) + 1);
      expect(result.state.memory.lessons).toHaveLength(result.lastIteration ? BRANCHES : 0);
      if (resumedOnce || !result.lastIteration) continue;
      resumedOnce = true;
      const state = JSON.parse(JSON.stringify(result.state));
      const resumed = await tournament(target.path).run('task', { resume: state });
      expect(resumed).toMatchObject({ status: 'accepted', iterations: [{ iteration: 2 }] });
    }
    under.manager.off('event', follow);
    console.log(
      `[chaos] abort at a random moment of ${wholeMs.toFixed(0)} ms, ${BRANCHES} branches: settled after ${summary(settled)}, n = ${settled.length}`,
    );
  },
  repeats(3, 20) * MINUTE,
);

it(
  'run after run leaves nothing: no container, no directory, no listener, no memory',
  async () => {
    const iterations = repeats(2, 10);
    const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    const before = { listeners: listeners(), events: under.manager.listenerCount('event') };
    const controller = new AbortController();
    const executor = new IterationExecutor(under.manager, {
      maxIterations: iterations,
      branches: BRANCHES,
      concurrency: 4,
      verifyIn: 'same',
      propose: ({ sandbox }) => sandbox.files.write('a.txt', 'a'),
      verify: async ({ sandbox }) => ({ passed: !(await sandbox.files.exists('a.txt')) }),
    });
    const heap: number[] = [];
    for (let run = 0; run < repeats(3, 20); run++) {
      const result = await executor.run('task', { signal: controller.signal });
      expect(result.receipts).toHaveLength(iterations * BRANCHES);
      await expectNothingLeft(result.receipts);
      heap.push(retainedBytes() / 2 ** 20);
    }
    expect({ listeners: listeners(), events: under.manager.listenerCount('event') }).toEqual(before);
    const [first, last] = [heap[Math.min(2, heap.length - 1)]!, heap.at(-1)!];
    console.log(
      `[chaos] ${heap.length} runs of ${iterations} × ${BRANCHES} branches: retained ${heap.map(Math.round).join(' ')} MiB`,
    );
    expect(last - first).toBeLessThan(16);
  },
  repeats(2, 30) * MINUTE,
);
