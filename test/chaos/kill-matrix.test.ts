/**
 * Every end of a process at every point of a sandbox's life: nothing is left. An end that gives the time to clean up has
 * done it before the process is gone; the others leave it to the pipe's end and the watchdog.
 *
 * CI takes one point for each end; RIPCORD_LONG=1 all 110 pairs, 11 times.
 */
import { expect, test } from 'vitest';
import { canMakeCgroups, makeCgroup } from '../helpers/cgroup.js';
import { audit, LEAK_MS, type Settled, settled } from '../helpers/chaos/audit.js';
import { manyKills } from '../helpers/chaos/many-kills.js';
import { repeats, scaled, summary } from '../helpers/chaos/measure.js';
import type { Doom, End, Exit, Orchestrator, Point } from '../helpers/chaos/orchestrator.js';
import { isStopped, processesOfContainers } from '../helpers/chaos/processes.js';
import { type Scenario, scenario } from '../helpers/chaos/scenario.js';

const POINTS: Point[] = [
  'image lookup',
  'created',
  'attached',
  'started',
  'exec',
  'write',
  'read',
  'killing',
  'removing',
  'idle',
];

/** How the process ends, and whether it has removed everything by then. */
const ENDS: Record<End, Exit & { inTime: boolean }> = {
  SIGINT: { code: null, signal: 'SIGINT', inTime: true },
  'SIGINT twice': { code: null, signal: 'SIGINT', inTime: true },
  SIGTERM: { code: null, signal: 'SIGTERM', inTime: true },
  SIGHUP: { code: null, signal: 'SIGHUP', inTime: true },
  uncaughtException: { code: 1, signal: null, inTime: true },
  unhandledRejection: { code: 1, signal: null, inTime: true },
  'process.exit': { code: 7, signal: null, inTime: false },
  SIGABRT: { code: null, signal: 'SIGABRT', inTime: false },
  SIGKILL: { code: null, signal: 'SIGKILL', inTime: false },
  OOM: { code: null, signal: 'SIGKILL', inTime: false },
  // It is continued once its sandbox has ended by itself, and then closes.
  SIGSTOP: { code: 0, signal: null, inTime: true },
};

const LEASE_MS = 2000;
/** More than an idle machine needs: most of a run is waiting for the watchdog's end. */
const WORKERS = 4;
const MEMORY_BYTES = 64 * 1024 ** 2;

interface Run extends Settled {
  how: End;
}

const ends = (Object.keys(ENDS) as End[]).filter((how) => how !== 'OOM' || canMakeCgroups);
// Seven and ten have no factor in common: every point is met.
const diagonal = ends.map((how, i): Doom => ({ how, at: POINTS[(i * 7) % POINTS.length]! }));
const matrix = ends.flatMap((how) => POINTS.map((at): Doom => ({ how, at })));
const ROUNDS = repeats(1, 11);
const jobs = Array.from({ length: ROUNDS }, () => scaled<Doom[]>(diagonal, matrix)).flat();

test(
  `${ends.length} ends of a process at ${POINTS.length} points of a sandbox's life (${jobs.length} runs) leave nothing behind`,
  async () => {
    await manyKills('ends × points', jobs, WORKERS, run, byEnd);
  },
  60_000 + jobs.length * 10_000,
);

async function run(doom: Doom): Promise<Run> {
  const memory = doom.how === 'OOM' ? makeCgroup({ memoryBytes: MEMORY_BYTES }) : undefined;
  try {
    return await scenario((made) => meet(made, { ...doom, ...(memory && { memory: memory.procs }) }));
  } catch (error) {
    throw new Error(`${doom.how} at ${doom.at}: ${(error as Error).message}`, { cause: error });
  } finally {
    await memory?.remove();
  }
}

async function meet({ start }: Scenario, doom: Doom): Promise<Run> {
  const { how } = doom;
  const { inTime, ...exit } = ENDS[how];
  const orchestrator = await start({ doom, create: { leaseMs: how === 'SIGSTOP' ? LEASE_MS : 60_000 } });
  const [{ at }] = await orchestrator.heard('doomed');
  const since = how === 'SIGSTOP' ? await outliveTheLease(orchestrator) : at - performance.timeOrigin;
  expect(await orchestrator.exits()).toEqual(exit);
  if (inTime) {
    const { containers, directories, volumes, processes } = await audit(orchestrator.subject);
    expect({ containers, directories, volumes, processes }, 'left when the process is gone').toEqual({
      containers: [],
      directories: [],
      volumes: [],
      processes: [],
    });
  }
  return { ...(await settled(orchestrator.subject, { since, withinMs: LEAK_MS })), how };
}

/** Stopped, it holds its pipe open: its sandbox, if it runs by then, ends with the lease. Resolves to when it closes. */
async function outliveTheLease(orchestrator: Orchestrator): Promise<number> {
  const { containerIds } = orchestrator.subject;
  // It says what it is about to do: to be continued before it has stopped would leave it stopped.
  await expect.poll(() => isStopped(orchestrator.pid), { timeout: 10_000, interval: 10 }).toBe(true);
  await expect
    .poll(() => processesOfContainers(containerIds), { timeout: LEASE_MS + 10_000, interval: 50 })
    .toEqual([]);
  orchestrator.signal('SIGCONT');
  await orchestrator.heard('survived');
  const since = performance.now();
  orchestrator.tell('close');
  const [{ receipt }] = await orchestrator.heard('closed');
  expect(receipt).toMatchObject({ left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
  orchestrator.tell('exit 0');
  return since;
}

function byEnd(runs: Run[]): string {
  const lines = ends.map((how) => {
    const times = runs.filter((one) => one.how === how).map(({ cleanMs }) => cleanMs);
    return `\n    ${how}: ${times.length} runs, clean after ${summary(times)}`;
  });
  return lines.join('');
}
