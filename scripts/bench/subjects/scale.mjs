/** Whether the hundredth sandbox costs what the first did: time to make it, a command's time, memory. */
import { setTimeout } from 'node:timers/promises';
import { otherProcessesMemory } from '../machine.mjs';
import { inParallel, median, quantile, timed } from '../measure.mjs';
import { digits } from '../report.mjs';

export const title = 'Cost of a sandbox, from 1 to 100 of them';

const MIB = 1024 ** 2;

export async function run({ context, report, quick }) {
  const steps = quick ? [1, 5, 10, 20] : [1, 10, 25, 50, 75, 100];
  const manager = await context.openManager();
  const warm = await manager.create({ image: 'python' });
  for (let i = 0; i < 50; i++) await warm.exec(['true']);
  await warm.close();
  await setTimeout(1000);
  const sandboxes = [];
  const columns = { create: [], exec: [], memory: [], rss: [] };
  const before = { others: otherProcessesMemory(), rss: rss() };
  for (const step of steps) {
    const more = Array(step - sandboxes.length).fill(0);
    const creates = [];
    await inParallel(more, 1, async () => {
      creates.push(await timed(async () => void sandboxes.push(await manager.create({ image: 'python' }))));
    });
    await setTimeout(1000);
    const execs = [];
    for (let i = 0; i < 200; i++) execs.push(await timed(() => sandboxes[i % sandboxes.length].exec(['true'])));
    columns.create.push(median(creates));
    columns.exec.push(median(execs));
    columns.memory.push((otherProcessesMemory() - before.others) / MIB / step);
    columns.rss.push((rss() - before.rss) / MIB / step);
    report.note(
      `${step}: create ${digits(median(creates))} ms, exec of true p50 ${digits(median(execs))} ms, p99 ` +
        `${digits(quantile(execs, 0.99))} ms, other processes ${digits(columns.memory.at(-1))} MiB a sandbox, this process ` +
        `${digits(Math.max(0, columns.rss.at(-1)))} MiB a sandbox`,
    );
  }
  await inParallel(sandboxes, 4, (sandbox) => sandbox.close());
  const chart = { xName: 'sandboxes open', x: steps };
  report.lines({
    ...chart,
    name: 'scale-memory',
    title: "Memory of a sandbox's processes, by how many there are",
    unit: 'MiB',
    lines: [{ name: 'Ripcord', values: columns.memory }],
  });
  report.lines({
    ...chart,
    name: 'scale-time',
    title: 'Time to make a sandbox, and of exec of true times 100, by how many there are',
    unit: 'ms',
    lines: [
      { name: 'create', values: columns.create },
      { name: '100 × exec of true', values: columns.exec.map((ms) => 100 * ms) },
    ],
  });
  // The first alone is one sample; the second step has a median.
  for (const [what, values] of [
    ['create', columns.create],
    ['exec of true', columns.exec],
    ['memory', columns.memory],
  ]) {
    report.check(
      `${what}, with ${steps.at(-1)} open, of that with ${steps[1]}`,
      values.at(-1) / values[1],
      '<=',
      1.25,
      '×',
    );
  }
  const [few, many] = [columns.exec[1], columns.exec.at(-1)];
  report.headline(
    `\`exec\` of \`true\` with ${steps.at(-1)} sandboxes open`,
    `${digits(many)} ms`,
    `with ${steps[1]}: ${digits(few)} ms`,
    digits(many / few),
  );
}

function rss() {
  global.gc?.();
  return process.memoryUsage.rss();
}
