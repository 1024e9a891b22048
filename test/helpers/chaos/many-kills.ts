/** Many kills, several at a time, judged together: nothing may be left of any. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Settled } from './audit.js';
import { report } from './measure.js';

/**
 * Runs `kill` for every job, `workers` at a time. A run that leaves something does not keep the others from running.
 * @throws after all of them, when something was left by one
 */
export async function manyKills<Job, Run extends Settled>(
  title: string,
  jobs: readonly Job[],
  workers: number,
  kill: (job: Job, index: number) => Promise<Run>,
  more: (runs: Run[]) => string = () => '',
): Promise<Run[]> {
  const runs: Run[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (index: number) => {
    // The starts are apart, so that each meets another moment of the others.
    await sleep(index * 100);
    while (next < jobs.length) {
      const index = next++;
      await kill(jobs[index]!, index).then(
        (run) => runs.push(run),
        (error) => failures.push(error) && console.log(`[chaos] ${title}: ${error}`),
      );
      if (index % 100 === 99) report(`${title} so far`, runs, `; failed ${failures.length}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, index) => worker(index)));
  report(title, runs, `; failed ${failures.length}${more(runs)}`);
  if (failures.length > 0) throw failures[0];
  expect(runs).toHaveLength(jobs.length);
  return runs;
}
