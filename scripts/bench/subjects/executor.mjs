/** What the iteration executor itself costs, and how soon an aborted run is over. */
import { IterationExecutor } from '../../../dist/index.js';
import { quantile } from '../measure.mjs';
import { check, printTimes } from '../report.mjs';

export const title = 'executor: no-op branches without sandboxes; abort with 8 branches at work';

const BRANCHES = 8;

export async function run({ manager, quick }) {
  const overhead = await perBranch(manager, quick ? 20 : 200);
  const aborts = await abortsAtWork(manager, quick ? 3 : 20);
  printTimes({ 'executor, a branch': overhead, 'abort → settled, 8 branches': aborts });
  return [
    check("the executor's own time for a branch", quantile(overhead, 0.5), '<=', 1, ' ms'),
    check('abort → settled and removed, p99', quantile(aborts, 0.99), '<=', 1000, ' ms'),
  ];
}

/** Milliseconds a branch, from runs of ten iterations. */
async function perBranch(manager, runs) {
  const executor = new IterationExecutor(manager, {
    sandbox: false,
    maxIterations: 10,
    branches: BRANCHES,
    propose: () => {},
    verify: () => ({ passed: false }),
  });
  const times = [];
  for (let i = 0; i < runs; i++) times.push((await executor.run('task')).durationMs / (10 * BRANCHES));
  return times;
}

/** All branches run a command when the signal comes. */
async function abortsAtWork(manager, rounds) {
  const times = [];
  while (times.length < rounds) {
    const controller = new AbortController();
    let atWork = 0;
    const executor = new IterationExecutor(manager, {
      branches: BRANCHES,
      maxIterations: 1,
      verifyIn: 'same',
      propose: async ({ sandbox }) => {
        const running = sandbox.exec('sh -c "trap : TERM; sleep 60 & sleep 60"');
        atWork += 1;
        if (atWork === BRANCHES) setTimeout(() => controller.abort(), 50);
        await running;
      },
      verify: () => ({ passed: false }),
    });
    const { abort } = await executor.run('task', { signal: controller.signal });
    times.push(abort.settledMs);
  }
  return times;
}
