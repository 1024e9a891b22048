/** Round trip of `true` in something that runs already, against every other way and a child process of the host. */
import { setTimeout } from 'node:timers/promises';
import { inTurns, median, pairedRatio, summary } from '../measure.mjs';
import { runProcess } from '../peers/run-process.mjs';
import { digits, medianBars } from '../report.mjs';

export const title = 'Round trip of `true` in a sandbox that runs';

const HOST = "child_process.spawn('true')";

export async function run({ context, report, quick }) {
  const { peers } = await context.peers();
  const manager = await context.openManager();
  const sandbox = await manager.create({ image: 'python' });
  const boxes = [];
  const own = {
    Ripcord: () => sandbox.exec(['true']),
    [HOST]: () => runProcess('true', []),
  };
  const others = {};
  try {
    for (const peer of peers) {
      if (peer.open) {
        const box = await peer.open();
        boxes.push(box);
        others[peer.name] = () => box.exec(['true']);
      } else if (peer.kind === 'process') others[peer.name] = () => peer.once(['true']);
    }
    const times = {};
    const medians = {};
    // In blocks, with a pause: the engine is still busy cleaning up for a while after an exec of its own.
    for (let block = 0; block < (quick ? 2 : 10); block++) {
      const fast = await inTurns(own, { rounds: 30, warmup: 5 });
      const slow = await inTurns(others, { rounds: quick ? 3 : 6 });
      await setTimeout(300);
      for (const [name, values] of Object.entries({ ...fast, ...slow })) {
        (times[name] ??= []).push(...values);
        (medians[name] ??= []).push(median(values));
      }
    }
    report.samples(times);
    report.bars({
      name: 'exec',
      title: 'Round trip of true in a running sandbox, p50',
      unit: 'ms',
      bars: medianBars(times),
    });
    report.check('exec of true, p50', summary(times.Ripcord).p50, '<=', 1.5, ' ms');
    report.check(`of the time of ${HOST}`, pairedRatio(medians.Ripcord, medians[HOST]), '<=', 1, '×');
    report.headline(
      '`exec` of `true` in a running sandbox', `${digits(summary(times.Ripcord).p50)} ms`,
      `a child process of the host ${digits(summary(times[HOST]).p50)} ms`, digits(pairedRatio(medians.Ripcord, medians[HOST])),
    ); // biome-ignore format: a row
    const ratio = medians['dockerode exec'] && pairedRatio(medians['dockerode exec'], medians.Ripcord);
    if (ratio) {
      const theirs = summary(times['dockerode exec']).p50;
      report.headline('the same', '', `dockerode exec ${digits(theirs)} ms`, digits(1 / ratio));
    }
  } finally {
    await Promise.all(boxes.map((box) => box.close()));
  }
}
