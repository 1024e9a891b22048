/**
 * `npm run bench [-- --quick] [subject …]`: measures Ripcord against the other ways to do the same, in turns within one
 * run, and prints what was measured, on what, and how often. Exits with 1 when a bound is missed.
 */
import os from 'node:os';
import { setup } from '../setup.mjs';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const names = args.filter((argument) => !argument.startsWith('-'));
const SUBJECTS = ['exec', 'cold', 'files', 'output', 'idle', 'executor', 'network'];
const unknown = names.filter((name) => !SUBJECTS.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown subject ${unknown.join(', ')}. There are: ${SUBJECTS.join(', ')}`);
  process.exit(2);
}

await setup({ goal: 'bench' });
const { SandboxManager } = await import('../../dist/index.js');
const manager = await SandboxManager.open();
const cpu = os.cpus()[0]?.model.trim() ?? 'unknown CPU';
console.log(
  `${new Date().toISOString().slice(0, 10)} · ${os.availableParallelism()} × ${cpu} · ${Math.round(os.totalmem() / 1024 ** 3)} GiB · ` +
    `Linux ${os.release()} · engine ${manager.engine.version} · Node ${process.version}`,
);
const checks = [];
try {
  for (const name of names.length > 0 ? names : SUBJECTS) {
    const subject = await import(`./subjects/${name}.mjs`);
    console.log(`\n${subject.title}`);
    checks.push(...(await subject.run({ manager, quick })));
  }
} finally {
  await manager.close();
}
const kept = checks.filter(Boolean).length;
console.log(`\n${kept} of ${checks.length} bounds kept`);
process.exitCode = kept === checks.length ? 0 : 1;
