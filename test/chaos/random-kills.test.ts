/**
 * SIGKILL at random instants of an orchestrator that creates, uses and closes sandboxes without a pause: between any two
 * steps of `open` and `create` something exists that is not recorded yet.
 *
 * The seed is printed; RIPCORD_CHAOS_SEED repeats a run. RIPCORD_CHAOS_REPEATS sets how many kills (10; with
 * RIPCORD_LONG=1, 200).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LEAK_MS, type Settled, settled } from '../helpers/chaos/audit.js';
import { manyKills } from '../helpers/chaos/many-kills.js';
import { randomFrom, repeats } from '../helpers/chaos/measure.js';
import { scenario } from '../helpers/chaos/scenario.js';

const KILLS = repeats(6, 200);
const SEED = Number(process.env.RIPCORD_CHAOS_SEED) || Date.now() % 1_000_000;
/** As many orchestrators at a time: each waits for its watchdog's end. */
const WORKERS = 3;

interface Kill extends Settled {
  /** Step of the orchestrator at the kill. */
  phase: string;
  /** How many containers it had made by then. */
  containers: number;
}

test(
  'an orchestrator killed at a random instant of open or create leaves nothing behind',
  async () => {
    console.log(`[chaos] random kills: seed ${SEED}`);
    const random = randomFrom(SEED);
    // Each in its own part of the time that is looked at, so that no seed leaves out most of it.
    const spread = (count: number, spanMs: number) =>
      Array.from({ length: count }, (_, k) => ((k + random()) / count) * spanMs);
    const opens = Math.ceil(KILLS / 5);
    const jobs = [
      ...spread(opens, 700).map((delayMs) => ({ duringOpen: true, delayMs })),
      ...spread(KILLS - opens, 1000).map((delayMs) => ({ duringOpen: false, delayMs })),
    ];
    const made = (kills: Kill[]) => `; ${total(kills)} containers made; killed in: ${phases(kills)}`;
    const kills = await manyKills('SIGKILL at random instants', jobs, WORKERS, killAt, made);
    expect(total(kills)).toBeGreaterThan(KILLS / 2);
  },
  60_000 + KILLS * 15_000,
);

function killAt({ duringOpen, delayMs }: { duringOpen: boolean; delayMs: number }, run: number): Promise<Kill> {
  return scenario(async ({ start }) => {
    const orchestrator = await start({ churn: 2 });
    if (!duringOpen) await orchestrator.heard('creating');
    await sleep(delayMs);
    const since = performance.now();
    orchestrator.signal('SIGKILL');
    await orchestrator.exits();
    try {
      const done = await settled(orchestrator.subject, { since, withinMs: LEAK_MS });
      const { containerIds } = orchestrator.subject;
      return { ...done, phase: orchestrator.said.at(-1)?.event ?? 'start', containers: containerIds.size };
    } catch (error) {
      const said = orchestrator.said.slice(-4).map((line) => JSON.stringify(line));
      const where = `kill ${run} (seed ${SEED}, after ${delayMs.toFixed(1)} ms; ${said.join(' ')})`;
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
    }
  });
}

const total = (kills: Kill[]): number => kills.reduce((sum, { containers }) => sum + containers, 0);

function phases(kills: Kill[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of kills) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([phase, count]) => `${phase} ${count}`).join(', ');
}
