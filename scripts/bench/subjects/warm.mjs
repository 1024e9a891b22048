/** Claiming a warm sandbox, up to its first output; against a command in a container that the others keep running. */
import { inTurns, pairedRatio, summary, timed } from '../measure.mjs';
import { digits, medianBars } from '../report.mjs';
import { execIn } from '../ripcord.mjs';

export const title = 'A warm sandbox: claim → first output';

const SIZE = 4;
const OURS = 'Ripcord, claim → first output';

export async function run({ context, report, quick }) {
  const { peers } = await context.peers();
  const manager = await context.openManager({ pool: [{ image: 'python', size: SIZE }] });
  const boxes = [];
  const claim = async () => {
    let sandbox;
    const ms = await timed(async () => {
      sandbox = await manager.create({ image: 'python' });
      if ((await execIn(sandbox, ['echo', 'hello'])) !== 'hello\n') throw new Error('unexpected output');
    });
    return { ms, sandbox };
  };
  const candidates = {
    [OURS]: async () => {
      await manager.poolFilled();
      const { ms, sandbox } = await claim();
      await sandbox.close();
      return ms;
    },
  };
  try {
    for (const peer of peers.filter(({ kind, open }) => kind === 'container' && open)) {
      const box = await peer.open();
      boxes.push(box);
      candidates[`${peer.name}, in a container that runs`] = () => box.exec(['echo', 'hello']);
    }
    const times = await inTurns(candidates, { rounds: quick ? 10 : 100, warmup: 3 });
    const { misses } = manager.pool;
    if (misses > 0) throw new Error(`the pool was empty ${misses} times`);
    times['Ripcord, all of the pool at once, while it refills'] = await bursts(manager, claim, quick ? 3 : 15);
    report.samples(times);
    report.bars({
      name: 'warm',
      title: 'First output of something kept warm, p50',
      unit: 'ms',
      bars: medianBars(times),
    });
    const { p50, p99 } = summary(times[OURS]);
    report.check('warm claim → first output, p50', p50, '<=', 5, ' ms');
    report.check('warm claim → first output, p99', p99, '<=', 25, ' ms');
    const { refillMs } = manager.pool;
    report.note(`a refill takes ${digits(refillMs.mean)} ms on average, in the background`);
    const [other] = Object.keys(times).filter((name) => name.startsWith('dockerode'));
    report.headline(
      'a warm sandbox: claim → first output',
      `${digits(p50)} ms, p99 ${digits(p99)} ms`,
      other ? `${other} ${digits(summary(times[other]).p50)} ms` : '',
      other ? digits(pairedRatio(times[OURS], times[other])) : '',
    );
  } finally {
    await Promise.all(boxes.map((box) => box.close()));
  }
}

async function bursts(manager, claim, rounds) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    await manager.poolFilled();
    const claims = [];
    for (let i = 0; i < SIZE; i++) claims.push(await claim());
    times.push(...claims.map(({ ms }) => ms));
    await Promise.all(claims.map(({ sandbox }) => sandbox.close()));
  }
  return times;
}
