/** Time from create to the first output, and to gone again, against every peer with fresh sandboxes. */
import { performance } from 'node:perf_hooks';
import { pairedRatio, summary } from '../measure.mjs';
import { digits, medianBars } from '../report.mjs';
import { freshSandboxes } from '../ripcord.mjs';

export const title = 'A fresh sandbox: create → first output → gone';

const DOCKER = 'docker run';

export async function run({ context, report, quick }) {
  const { peers } = await context.peers();
  const manager = await context.openManager();
  const candidates = [
    { name: 'Ripcord', once: freshSandboxes(manager), rounds: quick ? 5 : 40 },
    ...peers
      .filter(({ kind }) => kind !== 'bare')
      .map((peer) => ({ ...peer, rounds: quick ? 3 : peer.name === DOCKER ? 40 : 12 })),
  ];
  const first = Object.fromEntries(candidates.map(({ name }) => [name, []]));
  const gone = structuredClone(first);
  const most = Math.max(...candidates.map(({ rounds }) => rounds));
  for (let round = -1; round < most; round++) {
    for (const { name, once, rounds } of candidates) {
      if (round >= rounds) continue;
      const startedAt = performance.now();
      let firstMs;
      const output = await once(['echo', 'hello'], () => {
        firstMs = performance.now() - startedAt;
      });
      if (output !== 'hello\n') throw new Error(`${name}: unexpected output ${output}`);
      if (round < 0) continue;
      first[name].push(firstMs);
      gone[name].push(performance.now() - startedAt);
    }
  }
  report.samples(first, { title: 'create → first output' });
  report.samples(gone, { title: 'create → first output → gone' });
  report.bars({ name: 'cold', title: 'A fresh sandbox → first output, p50', unit: 'ms', bars: medianBars(first) });
  report.bars({
    name: 'cold-gone',
    title: 'A fresh sandbox → first output → gone, p50',
    unit: 'ms',
    bars: medianBars(gone),
  });
  if (!first[DOCKER]) return report.unchecked('create → first output, of docker run', 'no docker CLI');
  for (const [what, times] of [
    ['create → first output', first],
    ['create → first output → gone, verified', gone],
  ]) {
    const ratio = pairedRatio(times.Ripcord, times[DOCKER]);
    report.check(`${what}, of the time of docker run`, ratio, '<=', 0.6, '×');
    report.headline(
      what, `${digits(summary(times.Ripcord).p50)} ms`, `\`docker run\`, same flags, ${digits(summary(times[DOCKER]).p50)} ms`,
      digits(ratio),
    ); // biome-ignore format: a row
  }
}
