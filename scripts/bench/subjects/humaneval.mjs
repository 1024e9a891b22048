/** HumanEval-164, a fresh sandbox for each program, at several concurrencies, against every way that has fresh ones. */
import { median, pairedRatio } from '../measure.mjs';
import { digits } from '../report.mjs';
import { freshSandboxes } from '../ripcord.mjs';
import { bestOf, readPrograms, runSuite } from '../suite.mjs';

export const title = 'HumanEval, 164 programs, a fresh sandbox each';

const CONCURRENCIES = [1, 2, 4, 8];
const DOCKER = 'docker run';

export async function run({ context, report, quick }) {
  const { peers } = await context.peers();
  const programs = await readPrograms(quick ? 12 : undefined);
  const manager = await context.openManager();
  const rivals = peers.filter(({ kind }) => kind !== 'bare');
  const ways = {
    Ripcord: freshSandboxes(manager),
    ...Object.fromEntries(rivals.map(({ name, once }) => [name, once])),
  };
  const suite = async (name, concurrency, some = programs) => {
    const ms = await runSuite(some, concurrency, ({ argv }) => ways[name](argv));
    console.log(`  ${name}, ${concurrency} at once, ${some.length} programs: ${(ms / 1000).toFixed(1)} s`);
    return ms / 1000;
  };
  // Each on a few programs first: the engine, the image and the code are warm, and a way that does not work is out.
  const sample = programs.slice(0, quick ? 4 : 16);
  const best = {};
  for (const { name } of rivals) {
    try {
      const tried = name === DOCKER ? [4] : [4, 8];
      const times = [];
      for (const concurrency of tried) times.push(await suite(name, concurrency, sample));
      best[name] = bestOf(tried, times);
    } catch (error) {
      report.note(`left out: ${name}: ${error.message}`);
    }
  }
  await suite('Ripcord', 4, sample);

  const main = ['Ripcord', ...(best[DOCKER] ? [DOCKER] : [])];
  const sweep = Object.fromEntries(main.map((name) => [name, []]));
  for (const concurrency of CONCURRENCIES) {
    for (const name of main) sweep[name].push(await suite(name, concurrency));
  }
  for (const name of main) best[name] = bestOf(CONCURRENCIES, sweep[name]);

  const seconds = Object.fromEntries([...main, ...Object.keys(best)].map((name) => [name, []]));
  for (let round = 0; round < (quick ? 1 : 2); round++) {
    for (const name of Object.keys(seconds)) {
      if (round === 0 || main.includes(name)) seconds[name].push(await suite(name, best[name]));
    }
  }
  const named = (name) => `${name}, ${best[name]} at once`;
  report.samples(Object.fromEntries(Object.entries(seconds).map(([name, s]) => [named(name), s])), { unit: 's' });
  report.bars({
    name: 'humaneval',
    title: `HumanEval, ${programs.length} programs, a fresh sandbox each, each way at its best concurrency`,
    unit: 's',
    bars: Object.entries(seconds).map(([name, s]) => ({ name: named(name), value: median(s) })),
  });
  report.lines({
    name: 'humaneval-concurrency',
    title: `HumanEval, ${programs.length} programs, a fresh container each, by concurrency`,
    unit: 's',
    xName: 'at once',
    x: CONCURRENCIES,
    lines: main.map((name) => ({ name, values: sweep[name] })),
  });
  for (const name of main) {
    report.note(`${name}, ${CONCURRENCIES.map((n, i) => `${n} at once ${digits(sweep[name][i])} s`).join(', ')}`);
  }
  if (best[DOCKER]) {
    const ratio = pairedRatio(seconds.Ripcord, seconds[DOCKER]);
    report.check('of the wall time of docker run at its best concurrency', ratio, '<=', 0.65, '×');
    report.headline(
      'HumanEval, 164 programs, a fresh container each', `${digits(median(seconds.Ripcord))} s`,
      `\`docker run\`, ${best[DOCKER]} at once, ${digits(median(seconds[DOCKER]))} s`, digits(ratio),
    ); // biome-ignore format: a row
  } else report.unchecked('of the wall time of docker run', 'no docker CLI');
  const containers = rivals.filter(({ name, kind }) => kind === 'container' && best[name]);
  for (const { name } of containers.filter(({ name }) => name !== DOCKER)) {
    report.check(`of the wall time of ${name}`, median(seconds.Ripcord) / median(seconds[name]), '<=', 1, '×');
  }
}
