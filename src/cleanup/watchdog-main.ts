/**
 * Teardown layer 4: the watchdog process. To stay small it loads no modules until the pipe ends. Then it removes the
 * objects with the label of its one instance.
 */
import type { Cleaner } from '../backends/backend.js';
import type { WatchdogOrders } from './watchdog.js';

/**
 * Time without new containers before the watchdog stops: a create call that was in flight when the owner died may still
 * complete.
 */
const QUIET_MS = 3000;
/** Time to wait for an engine that is restarting. After that the next start's sweep removes the leftovers. */
const PATIENCE_MS = 10 * 60_000;
const PAUSE_MS = 250;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let input = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  input += text;
});
process.stdin.on('error', () => {});
process.stdin.on('close', () => {
  const [orders, last] = input.split('\n');
  if (!orders || last === 'dismissed') return;
  cleanUp(JSON.parse(orders) as WatchdogOrders).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
// Ignore signals that end the owner: only the pipe controls the watchdog.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

async function cleanUp(orders: WatchdogOrders): Promise<void> {
  let quietSince = Date.now();
  const { closeStateRoot } = await import('./state-dir.js');
  const { removeTree } = await import('../base/remove-tree.js');
  await removeTree(orders.directory).catch(() => {});
  closeStateRoot(orders.root);
  const { openCleaner } = await import('../backends/open-backend.js');
  const engine = await openCleaner(orders.connection);
  const giveUpAt = Date.now() + PATIENCE_MS;
  const seen = new Set<string>();
  while (Date.now() < giveUpAt) {
    const lookedAt = Date.now();
    const found = await removeAll(engine, orders.instance).catch(() => undefined);
    const isNew = found?.some((id) => !seen.has(id)) ?? true;
    if (isNew) quietSince = lookedAt;
    for (const id of found ?? []) seen.add(id);
    if (found?.length === 0 && Date.now() - quietSince >= QUIET_MS) break;
    await pause(PAUSE_MS);
  }
  await removeTree(orders.directory);
  closeStateRoot(orders.root);
  engine.close();
}

/** Removes all objects of the instance. Resolves to the ids that existed. */
async function removeAll(engine: Cleaner, instance: string): Promise<string[]> {
  const containers = await engine.containers(instance);
  await Promise.all(containers.map((container) => engine.remove(container.id)));
  const extras = await engine.extras(instance);
  await Promise.all(extras.map((extra) => extra.remove()));
  return [...containers, ...extras].map(({ id }) => id);
}
