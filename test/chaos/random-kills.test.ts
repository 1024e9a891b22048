/**
 * SIGKILL at random instants of an orchestrator that creates, uses and closes sandboxes without a pause: between any two
 * steps of `open` and `create` something exists already that nobody has written down yet.
 *
 * The seed is printed; RIPCORD_CHAOS_SEED repeats a run. RIPCORD_CHAOS_REPEATS sets how many kills (10; with
 * RIPCORD_LONG=1, 200).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Settled, settled } from '../helpers/chaos/audit.js';
import { randomFrom, repeats, report } from '../helpers/chaos/measure.js';
import type { Scenario } from '../helpers/chaos/scenario.js';
import { scenario } from '../helpers/chaos/scenario.js';

const KILLS = repeats(10, 200);
const SEED = Number(process.env.RIPCORD_CHAOS_SEED) || Date.now() % 1_000_000;
/** As many orchestrators at a time: each waits for its watchdog's end. */
const WORKERS = 3;

interface Kill extends Settled {
  /** What the orchestrator was at when it was killed. */
  phase: string;
  /** How many containers it had made by then. */
  containers: number;
}

test(
  'an orchestrator killed at a random instant of open or create leaves nothing after 5 s',
  () =>
    scenario(async (made) => {
      console.log(`[chaos] random kills: seed ${SEED}`);
      const random = randomFrom(SEED);
      const kills: Kill[] = [];
      const failures: unknown[] = [];
      let next = 0;
      const worker = async () => {
        while (next < KILLS && failures.length === 0) {
          const run = next++;
          const duringOpen = run % 5 === 0;
          const kill = killAt(made, duringOpen, random() * (duringOpen ? 700 : 1000), run);
          await kill.then(
            (done) => kills.push(done),
            (error) => failures.push(error),
          );
        }
      };
      // All of them end before the scenario does.
      await Promise.all(Array.from({ length: Math.min(WORKERS, KILLS) }, worker));
      report('SIGKILL at random instants', kills, `; ${total(kills)} containers made; killed in: ${phases(kills)}`);
      if (failures.length > 0) throw failures[0];
      expect(kills).toHaveLength(KILLS);
      expect(total(kills)).toBeGreaterThan(KILLS / 2);
    }),
  KILLS * 15_000,
);

async function killAt({ start }: Scenario, duringOpen: boolean, delayMs: number, run: number): Promise<Kill> {
  const orchestrator = await start({ churn: 2 });
  if (!duringOpen) await orchestrator.heard('creating');
  await sleep(delayMs);
  const since = performance.now();
  orchestrator.signal('SIGKILL');
  await orchestrator.exits();
  try {
    const done = await settled(orchestrator.subject, { since });
    const { containerIds } = orchestrator.subject;
    return { ...done, phase: orchestrator.said.at(-1)?.event ?? 'start', containers: containerIds.size };
  } catch (error) {
    const said = orchestrator.said.slice(-4).map((line) => JSON.stringify(line));
    throw new Error(`kill ${run} (seed ${SEED}, after ${delayMs.toFixed(1)} ms; ${said.join(' ')})`, { cause: error });
  }
}

const total = (kills: Kill[]): number => kills.reduce((sum, { containers }) => sum + containers, 0);

function phases(kills: Kill[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of kills) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([phase, count]) => `${phase} ${count}`).join(', ');
}
