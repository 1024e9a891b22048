/** Round trip of `true` in a running sandbox, against dockerode's exec in a running container of the same image. */
import { setTimeout } from 'node:timers/promises';
import { dockerodeExec, idleContainer } from '../engine.mjs';
import { inTurns, pairedRatio, quantile, summary } from '../measure.mjs';
import { check, printTimes } from '../report.mjs';

export const title = 'exec round trip: true';

const median = (values) => quantile(values, 0.5);

export async function run({ manager, quick }) {
  const sandbox = await manager.create({ image: 'python' });
  const idle = await idleContainer('ripcord/python:latest');
  const times = { ripcord: [], 'dockerode exec': [] };
  const medians = { ripcord: [], 'dockerode exec': [] };
  try {
    // In blocks, with a pause: the engine is still busy cleaning up for a while after an exec of its own.
    for (let block = 0; block < (quick ? 3 : 10); block++) {
      const ours = await inTurns({ ripcord: () => sandbox.exec(['true']) }, { rounds: 30, warmup: 5 });
      const theirs = await inTurns(
        { 'dockerode exec': () => dockerodeExec(idle.container, ['true']) },
        { rounds: 6, warmup: 1 },
      );
      await setTimeout(300);
      for (const [name, values] of Object.entries({ ...ours, ...theirs })) {
        times[name].push(...values);
        medians[name].push(median(values));
      }
    }
    printTimes(times);
    return [
      check('ripcord p50', summary(times.ripcord).p50, '<=', 3, ' ms'),
      check('times faster than dockerode exec', pairedRatio(medians['dockerode exec'], medians.ripcord), '>=', 30, '×'),
    ];
  } finally {
    await idle.remove();
    await sandbox.close();
  }
}
