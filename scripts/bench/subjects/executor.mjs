/** Cost of the iteration executor itself, and the time until an aborted run is over. */
import { importCompiled } from '../../setup/paths.mjs';
import { quantile } from '../measure.mjs';
import { digits } from '../report.mjs';

export const title = "The iteration executor's own cost, and how soon an aborted run is over";

const BRANCHES = 8;

export async function run({ context, report, quick }) {
  const { IterationExecutor } = await importCompiled('index.js');
  const manager = await context.openManager();
  const overhead = await perBranch(IterationExecutor, manager, quick ? 20 : 200);
  const aborts = await abortsAtWork(IterationExecutor, manager, quick ? 3 : 20);
  report.samples({ 'the executor, a branch': overhead, [`abort → all gone, ${BRANCHES} branches`]: aborts });
  report.check("the executor's own time for a branch", quantile(overhead, 0.5), '<=', 1, ' ms');
  report.check('abort → settled and removed, p99', quantile(aborts, 0.99), '<=', 1000, ' ms');
  report.headline(
    `abort of a run with ${BRANCHES} branches at work → all of it gone`,
    `${digits(quantile(aborts, 0.5))} ms, p99 ${digits(quantile(aborts, 0.99))} ms`,
    '',
  );
}

/** Milliseconds a branch, from runs of ten iterations. */
async function perBranch(IterationExecutor, manager, runs) {
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
async function abortsAtWork(IterationExecutor, manager, rounds) {
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
