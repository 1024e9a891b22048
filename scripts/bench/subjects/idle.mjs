/** What 50 idle sandboxes cost the orchestrator, and one costs inside. */
import { quantile } from '../measure.mjs';
import { check } from '../report.mjs';

export const title = 'idle: 50 sandboxes';

export async function run({ manager, quick }) {
  const count = quick ? 10 : 50;
  global.gc?.();
  const before = process.memoryUsage.rss();
  const sandboxes = [];
  while (sandboxes.length < count) {
    const batch = Array.from({ length: Math.min(5, count - sandboxes.length) }, () =>
      manager.create({ image: 'python' }),
    );
    sandboxes.push(...(await Promise.all(batch)));
  }
  global.gc?.();
  const growth = (process.memoryUsage.rss() - before) / 1024 ** 2;
  const stats = await Promise.all(sandboxes.map((sandbox) => sandbox.stats()));
  const agents = stats.map(({ agentRssBytes }) => agentRssBytes / 1024 ** 2);
  await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  return [
    check(`orchestrator RSS growth, ${count} sandboxes`, growth, '<=', 50, ' MiB'),
    check('agent RSS, largest', quantile(agents, 1), '<=', 1.5, ' MiB'),
  ];
}
