/** Cost of an idle sandbox: its processes and the engine's, this process, and the agent inside; against an idle plain container. */
import { setTimeout } from 'node:timers/promises';
import { otherProcessesMemory } from '../machine.mjs';
import { inParallel, quantile } from '../measure.mjs';
import { HARDENED_HOST_CONFIG } from '../peers/docker.mjs';
import { idleContainer } from '../peers/dockerode-exec.mjs';

export const title = 'Memory of idle sandboxes';

const MIB = 1024 ** 2;

export async function run({ context, report, quick }) {
  const count = quick ? 10 : 50;
  const manager = await context.openManager();
  global.gc?.();
  const before = process.memoryUsage.rss();
  let stats;
  let growth;
  const ours = await perOne(count, () => manager.create({ image: 'python' }), {
    async whileOpen(sandboxes) {
      global.gc?.();
      growth = (process.memoryUsage.rss() - before) / MIB;
      stats = await Promise.all(sandboxes.map((sandbox) => sandbox.stats()));
    },
    close: (sandbox) => sandbox.close(),
  });
  const theirs = await perOne(count, () => idleContainer(context.image, context.run, HARDENED_HOST_CONFIG), {
    close: (container) => container.remove({ force: true }),
  });
  const agent = quantile(
    stats.map(({ agentRssBytes }) => agentRssBytes / MIB),
    1,
  );
  report.note(
    `memory of the processes, each of ${count}: a sandbox ${ours.toFixed(1)} MiB, a plain idle container ${theirs.toFixed(1)} MiB`,
  );
  report.bars({
    name: 'idle',
    title: "Memory of an idle sandbox's processes",
    unit: 'MiB',
    bars: [
      { name: 'Ripcord', value: ours },
      { name: 'plain container with sleep', value: theirs },
    ],
  });
  report.check(`RSS growth of this process, ${count} sandboxes`, growth, '<=', 50, ' MiB');
  report.check('RSS of an agent, the largest', agent, '<=', 1.5, ' MiB');
  report.headline(
    'an idle sandbox, memory of all its processes',
    `${ours.toFixed(1)} MiB, of that the agent ${agent.toFixed(2)}`,
    `a plain idle container ${theirs.toFixed(1)} MiB`,
    (ours / theirs).toFixed(2),
  );
}

/** MiB of other processes for each of so many. */
async function perOne(count, create, { whileOpen, close }) {
  const before = otherProcessesMemory();
  const open = [];
  try {
    await inParallel(Array(count).fill(0), 4, async () => void open.push(await create()));
    await setTimeout(1000);
    const used = (otherProcessesMemory() - before) / MIB / count;
    await whileOpen?.(open);
    return used;
  } finally {
    await inParallel(open, 4, close);
  }
}
