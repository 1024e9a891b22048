/**
 * Sandboxes that are reset, proven clean and used again, and a warm python in them: against plain processes of the host,
 * which nothing protects from anything.
 */
import { median, pairedRatio, summary, timed } from '../measure.mjs';
import { digits } from '../report.mjs';
import { execIn, outputOf } from '../ripcord.mjs';
import { bestOf, readPrograms, runSuite } from '../suite.mjs';

export const title =
  'Reset and reuse; HumanEval, 164 programs, with reuse and with a warm python, against no sandbox at all';

const CONCURRENCIES = [1, 2, 4];
const REUSE = 'Ripcord, reset and reused for each';
const WARM = 'Ripcord, forks of a warm python';

export async function run({ context, report, quick }) {
  await resets(context, report, quick ? 20 : 200).catch((error) => report.unchecked('reset + reuse', error.message));
  await suites(context, report, quick);
}

/** Measures the time from the end of a task until the next one has the sandbox. */
async function resets(context, report, rounds) {
  const manager = await context.openManager();
  const create = () => manager.create({ image: 'python', reuse: true });
  const times = { 'reset + reuse': [], 'reset + reuse → first output': [] };
  let sandbox = await create();
  for (let round = -3; round < rounds; round++) {
    await sandbox.exec('echo secret > file; (setsid sleep 100 &) ; mkdir -p /tmp/left');
    let next;
    const again = await timed(async () => {
      const { reuse } = await sandbox.close();
      if (!reuse?.recycled) throw new Error(`not reused: ${reuse?.reason}`);
      next = await create();
    });
    const first = again + (await timed(() => execIn(next, ['echo', 'hello'])));
    sandbox = next;
    if (round < 0) continue;
    times['reset + reuse'].push(again);
    times['reset + reuse → first output'].push(first);
  }
  await sandbox.close();
  report.samples(times);
  const { p50, p99 } = summary(times['reset + reuse']);
  report.check('reset + reuse, p50', p50, '<=', 10, ' ms');
  report.headline('reset, proof, the next task has it', `${digits(p50)} ms, p99 ${digits(p99)} ms`, '');
}

async function suites(context, report, quick) {
  const { peers } = await context.peers();
  const programs = await readPrograms(quick ? 24 : undefined);
  const plain = peers.filter(({ kind }) => kind === 'bare');
  if (plain.length === 0) throw new Error('no python on this machine to compare with');
  const ways = {
    [REUSE]: await reusing(context),
    [WARM]: await forking(context),
    ...Object.fromEntries(
      peers.filter(({ kind }) => kind !== 'container').map(({ name, once }) => [name, ({ argv }) => once(argv)]),
    ),
  };
  const best = {};
  const failures = {};
  for (const [name, once] of Object.entries(ways)) {
    const times = [];
    try {
      // The first one warms up.
      await runSuite(programs.slice(0, 8), 2, once);
      for (const concurrency of CONCURRENCIES) times.push(await runSuite(programs, concurrency, once));
    } catch (error) {
      failures[name] = error.message;
      delete ways[name];
      report.note(`left out: ${name}: ${error.message}`);
      continue;
    }
    best[name] = bestOf(CONCURRENCIES, times);
    console.log(`  ${name}: ${CONCURRENCIES.map((n, i) => `${n} at once ${digits(times[i] / 1000)} s`).join(', ')}`);
  }
  const seconds = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < (quick ? 2 : 7); round++) {
    for (const [name, once] of Object.entries(ways)) {
      seconds[name].push((await runSuite(programs, best[name], once)) / 1000);
    }
  }
  const named = Object.entries(seconds).map(([name, values]) => [`${name}, ${best[name]} at once`, values]);
  report.samples(Object.fromEntries(named), { unit: 's' });
  report.bars({
    name: 'reuse',
    title: `HumanEval, ${programs.length} programs, each way at its best concurrency`,
    unit: 's',
    bars: named.map(([name, values]) => ({ name, value: median(values) })),
  });
  // The fairest opponent is the fastest.
  const fastest = plain
    .map(({ name }) => name)
    .filter((name) => ways[name])
    .reduce((a, b) => (median(seconds[a]) <= median(seconds[b]) ? a : b));
  report.note(`the plain subprocess of the bounds is the faster one: ${fastest}`);
  for (const [what, name, relation, bound] of [
    ['with proven reuse, of the time of plain subprocesses', REUSE, '<=', 1],
    ['with a warm python, times faster than plain subprocesses', WARM, '>=', 2.5],
  ]) {
    if (failures[name]) {
      report.unchecked(what, failures[name]);
      continue;
    }
    const ratio = pairedRatio(seconds[name], seconds[fastest]);
    report.check(what, relation === '<=' ? ratio : 1 / ratio, relation, bound, '×');
    report.headline(
      `HumanEval, ${programs.length} programs, ${name === REUSE ? 'each in a sandbox reset before it' : 'each in a fork of a warm python'}`,
      `${digits(median(seconds[name]))} s`,
      `unsandboxed processes ${digits(median(seconds[fastest]))} s`,
      digits(ratio),
    );
  }
}

/** Each program in a sandbox that another one had, reset and proven clean in between. */
async function reusing(context) {
  const manager = await context.openManager();
  return async ({ argv }) => {
    const sandbox = await manager.create({ image: 'python', reuse: true });
    const output = await execIn(sandbox, argv);
    const { reuse } = await sandbox.close();
    if (!reuse?.recycled) throw new Error(`not reused: ${reuse?.reason}`);
    return output;
  };
}

/** Each program in a fork of its own; as many sandboxes as programs at once, which are one after the other commands in it. */
async function forking(context) {
  const manager = await context.openManager();
  const free = [];
  return async ({ source }) => {
    const sandbox = free.pop() ?? (await warmSandbox(manager));
    const output = outputOf(await sandbox.runCode(source, { language: 'python', warm: true }));
    free.push(sandbox);
    return output;
  };
}

async function warmSandbox(manager) {
  const sandbox = await manager.create({ image: 'python', warm: true });
  if (!(await sandbox.warmUp())) throw new Error('no warm python in this sandbox');
  return sandbox;
}
