/** A hundred sandboxes at work for ten minutes (a taste of it with --quick): errors, leaks, and how soon another one answers meanwhile. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../measure.mjs';
import { engine } from '../peers/docker.mjs';
import { digits } from '../report.mjs';

export const title = 'Many sandboxes under a mixed load';

const MIB = 1024 ** 2;
/** On average, between two operations of a sandbox: programs that wait for a model do so for longer. */
const THINK_MS = 4000;
const PROBE_MS = 50;
/** Fifty sandboxes a core. With a whole one each, a fork bomb holds up its siblings twice as long: docs/internals/engine-cost.md. */
const LIMITS = { cpus: 0.5 };

/** Operations of the sandboxes, each with its share of a hundred. */
const OPERATIONS = [
  ['a short command', 30, async (sandbox) => expect(await sandbox.exec(['true']), 'exited', 0)],
  ['a python program', 20, async (sandbox) => {
    const result = await sandbox.runCode('import json\nprint(json.dumps({"sum": sum(range(10**5))}))', { language: 'python' });
    expect(result, 'exited', 0);
    if (!result.stdout.includes('4999950000')) throw new Error(`printed ${result.stdout}`);
  }],
  ['a file there and back', 20, async (sandbox) => {
    const content = Buffer.alloc(256 * 1024, String(Math.random()));
    await sandbox.files.write('file', content);
    if (!content.equals(await sandbox.files.read('file'))) throw new Error('the file differs');
  }],
  ['8 MiB of output', 10, async (sandbox) => {
    let bytes = 0;
    const onStdout = (chunk) => void (bytes += chunk.length);
    expect(await sandbox.exec(`head -c ${8 * MIB} /dev/zero`, { encoding: 'buffer', onStdout }), 'exited', 0);
    if (bytes !== 8 * MIB) throw new Error(`${bytes} bytes of output`);
  }],
  ['a program that does not end', 8, async (sandbox) =>
    expect(await sandbox.exec('setsid sleep 100 & while :; do :; done', { timeoutMs: 300 }), 'timeout')],
  ['a fork bomb', 2, async (sandbox) => {
    // It may end by itself when nothing more can be forked; afterwards the sandbox is as good as before.
    await sandbox.exec('b() { b | b & }; b; sleep 100', { timeoutMs: 500, maxOutputBytes: 1024 });
    expect(await sandbox.exec(['true']), 'exited', 0);
  }],
  ['an end and a new one', 10, 'replace'],
]; // biome-ignore format: a table

export async function run({ context, report, quick }) {
  const durationMs = (quick ? 20 : 600) * 1000;
  const count = quick ? 25 : 100;
  const manager = await context.openManager();
  const descriptors = countDescriptors();
  const began = performance.now();
  const errors = [];
  const counts = Object.fromEntries(OPERATIONS.map(([name]) => [name, 0]));
  const make = () => manager.create({ image: 'python', limits: LIMITS });

  const sandboxes = [];
  const makers = Array.from({ length: 2 }, async () => {
    while (sandboxes.length < count) {
      sandboxes.push(undefined);
      const place = sandboxes.length - 1;
      sandboxes[place] = await make();
    }
  });
  await Promise.all(makers);
  const sibling = await make();
  const createdMs = performance.now() - began;
  const start = performance.now();
  const running = () => performance.now() - start < durationMs;

  const work = async (place) => {
    await sleep(Math.random() * THINK_MS);
    while (running()) {
      const [name, , operation] = draw();
      try {
        if (operation === 'replace') {
          const { container, errors } = await sandboxes[place].close();
          if (!container.verifiedAbsent || errors.length > 0) throw new Error(`close: ${errors.join()}`);
          sandboxes[place] = await make();
        } else await operation(sandboxes[place]);
        counts[name]++;
      } catch (error) {
        errors.push(`${name}: ${error.message}`);
        if (errors.length > 100) return;
      }
      await sleep(THINK_MS * (0.5 + Math.random()));
    }
  };
  const probes = [];
  const probe = async () => {
    while (running()) {
      const sent = performance.now();
      const { exitCode } = await sibling.exec(['true']);
      probes.push(performance.now() - sent);
      if (exitCode !== 0) errors.push(`sibling: exit code ${exitCode}`);
      await sleep(PROBE_MS);
    }
  };
  await Promise.all([probe(), ...sandboxes.map((_, place) => work(place))]);

  const seconds = (performance.now() - start) / 1000;
  const receipt = await manager.close();
  const { containers, volumes, directories } = receipt.left;
  const leaks = containers + volumes + directories + (await containersOf(manager.instance));
  const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
  report.note(
    `${count} sandboxes made in ${(createdMs / 1000).toFixed(1)} s, then ${seconds.toFixed(0)} s of load: ${done} operations (${(done / seconds).toFixed(1)} a second), ${receipt.sandboxes} sandboxes in all`,
  );
  report.note(
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count} times`)
      .join(', '),
  );
  for (const error of errors.slice(0, 5)) report.note(`error: ${error}`);
  report.samples({ 'exec of true in a sibling': probes });
  report.check('errors', errors.length + receipt.errors.length, '<=', 0);
  report.check('leaks: containers, volumes, directories', leaks, '<=', 0);
  report.check(
    'open descriptors of this process, more than before',
    (await settledDescriptors(descriptors)) - descriptors,
    '<=',
    5,
  );
  report.check('exec in a sibling, p99', quantile(probes, 0.99), '<=', 100, ' ms');
  report.headline(
    `${count} sandboxes of ${LIMITS.cpus} CPUs each under a mixed load for ${Math.round(seconds)} s`,
    `${errors.length} errors, ${leaks} leaks; \`exec\` in another one p50 ${digits(quantile(probes, 0.5))} ms, p99 ${digits(quantile(probes, 0.99))} ms`,
    '',
  );
}

function draw() {
  let at = Math.random() * OPERATIONS.reduce((sum, [, share]) => sum + share, 0);
  return OPERATIONS.find(([, share]) => (at -= share) < 0);
}

function expect({ outcome, exitCode, stderr }, wanted, code) {
  if (outcome === wanted && (code === undefined || exitCode === code)) return;
  throw new Error(`${outcome} with ${exitCode} instead of ${wanted}: ${String(stderr).slice(0, 200)}`);
}

async function containersOf(instance) {
  const filters = { label: [`ripcord.instance=${instance}`] };
  return (await engine().listContainers({ all: true, filters })).length;
}

/** Connections that the engine's client keeps for the next request close by themselves after some seconds. */
async function settledDescriptors(before) {
  for (let i = 0; i < 20 && countDescriptors() > before; i++) await sleep(500);
  return countDescriptors();
}

function countDescriptors() {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
