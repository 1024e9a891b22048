/**
 * `npm run bench [-- --quick] [-- --without load] [subject …]`: measures Ripcord against the other ways to do the same, in
 * turns within one run, and prints what was measured, on what, and how often. Exits with 1 when a bound is missed.
 * The option `--against <commit>` compares with that commit's build instead: exec, warm, reuse, cold, humaneval, network.
 *
 * A full run of every subject goes to docs/bench (results.json, charts, a page); any other to out/bench.
 */
import { parseArgs } from 'node:util';
import { inProject } from '../setup/paths.mjs';
import { printError } from '../setup/setup-error.mjs';
import { setup } from '../setup.mjs';
import { COMPARED } from './against/subjects.mjs';

const SUBJECTS = [
  'exec', 'cold', 'warm', 'reuse', 'humaneval', 'files', 'output', 'flood', 'idle', 'executor', 'network', 'stall', 'scale', 'server', 'mcp', 'load',
]; // biome-ignore format: a list
/** A subject that takes longer hangs: the others go on without it. */
const DEADLINE_MINUTES = 20;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
    against: { type: 'string' },
  },
});
const known = options.against === undefined ? SUBJECTS : COMPARED;
const unknown = [...positionals, ...options.without].filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown subject ${unknown.join(', ')}. There are: ${known.join(', ')}`);
  process.exit(2);
}
const chosen = (positionals.length > 0 ? positionals : known).filter((name) => !options.without.includes(name));

await setup({ goal: 'bench' }).catch((error) => {
  printError(error);
  process.exit(1);
});
// Only now are the packages certainly there.
const { BenchContext } = await import('./bench-context.mjs');
const { describe, describeMachine, watchSteal } = await import('./machine.mjs');
const { writeResults } = await import('./results.mjs');
const { Report } = await import('./report.mjs');

const context = new BenchContext({ quick: options.quick });
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  process.once(signal, () => void context.close().finally(() => process.exit(code)));
}
// An unhandled error of a peer must not end the run, and it is printed.
const stray = [];
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    stray.push(String(error?.stack ?? error));
    console.log(`  STRAY ERROR ${stray.at(-1)}`);
  });
}
const full = !options.quick && positionals.length === 0 && options.against === undefined;
const directory = full ? inProject('docs', 'bench') : inProject('out', 'bench');
const stolen = watchSteal();
const begun = Date.now();
const results = {
  machine: await describeMachine(context.image),
  quick: options.quick,
  seconds: 0,
  stealPercent: 0,
  peers: [],
  skipped: [],
  stray,
  subjects: {},
};
console.log(describe(results));

if (options.against === undefined) for (const name of chosen) await measure(name);
else await measureAgainst(options.against);
await context.close();
console.log(`\nWritten to ${directory}`);
printVerdict();

async function measure(name) {
  const started = Date.now();
  const report = new Report();
  const { result } = report;
  results.subjects[name] = result;
  try {
    const subject = await import(`./subjects/${name}.mjs`);
    result.title = subject.title;
    console.log(`\n${name}: ${subject.title}`);
    await withDeadline(subject.run({ context, report, quick: options.quick }));
  } catch (error) {
    result.error = error.message;
    console.log(`  FAILED ${error.stack}`);
  }
  const left = await context.closeManagers().catch((error) => [error.message]);
  if (left.length > 0) report.unchecked('nothing left behind', left.join('; '));
  result.seconds = (Date.now() - started) / 1000;
  console.log(`  (${result.seconds.toFixed(0)} s)`);
  const { peers, skipped } = await context.openedPeers();
  if (skipped.length > results.skipped.length) for (const line of skipped) console.log(`  skipped: ${line}`);
  Object.assign(results, {
    seconds: (Date.now() - begun) / 1000,
    stealPercent: stolen(),
    peers: peers.map((peer) => ({ name: peer.name, version: peer.version, kind: peer.kind })),
    skipped,
  });
  await writeResults(directory, results);
}

async function measureAgainst(commit) {
  const { compare } = await import('./against/compare.mjs');
  results.subjects = await compare({ context, commit, names: chosen, quick: options.quick });
  results.seconds = (Date.now() - begun) / 1000;
  await writeResults(directory, results);
}

async function withDeadline(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not done after ${DEADLINE_MINUTES} minutes`)),
      DEADLINE_MINUTES * 60_000,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function printVerdict() {
  const subjects = Object.entries(results.subjects);
  const checks = subjects.flatMap(([, { checks }]) => checks);
  const failed = subjects.filter(([, { error }]) => error).map(([name]) => name);
  const kept = checks.filter((check) => check.kept).length;
  if (stray.length > 0) failed.push(`${stray.length} stray errors`);
  const trouble = failed.length > 0 ? `; failed: ${failed.join(', ')}` : '';
  console.log(`${kept} of ${checks.length} bounds kept in ${(results.seconds / 60).toFixed(1)} minutes${trouble}`);
  // Work that still hangs after a deadline must not keep the process alive.
  process.exit(kept === checks.length && failed.length === 0 ? 0 : 1);
}
