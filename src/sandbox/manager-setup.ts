/**
 * Prepares a manager: checks its options, creates the state that its containers share, its watchdog and its directory.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Backend, EngineFacts } from '../backends/backend.js';
import { silentLogger } from '../base/logger.js';
import { parseOptions } from '../base/parse-options.js';
import { makeInstanceDir, stateRoot } from '../cleanup/state-dir.js';
import { Watchdog } from '../cleanup/watchdog.js';
import { AdaptiveGate } from '../launch/adaptive-gate.js';
import type { LaunchContext } from '../launch/context.js';
import { CpuTurn } from '../launch/cpu-turn.js';
import { LeaseKeeper } from '../launch/lease.js';
import { createSchema } from '../launch/options.js';
import { UidSlots } from '../launch/uid-slots.js';
import { keptOptions } from '../pool/pool-key.js';
import { parsePool } from '../pool/pool-options.js';
import { type ManagerOptions, managerSchema } from './options.js';

export type ParsedOptions = ReturnType<typeof parseManager>;

/** Time in milliseconds that an agent has to end by itself. */
const GOODBYE_MS = 500;
/**
 * Limits of containers that are started at once. Each start keeps one CPU of the engine busy: with many more starts
 * than CPUs, every start and every abort is late.
 */
const MIN_STARTS = 2;
const STARTS_PER_CPU = 2;

export function parseManager(options: ManagerOptions | undefined) {
  const parsed = parseOptions(managerSchema, options, 'open');
  if (parsed.defaults) parseOptions(createSchema.omit({ signal: true }), parsed.defaults, 'open: defaults');
  const pool = parsePool(parsed.pool);
  return { ...parsed, pool, kept: keptOptions(pool, parsed.defaults ?? {}) };
}

export function contextOf(backend: Backend, engine: EngineFacts, options: ParsedOptions): LaunchContext {
  const instance = randomBytes(8).toString('hex');
  const initial = Math.max(MIN_STARTS, engine.cpus);
  return {
    backend,
    instance,
    instanceDir: join(stateRoot(options.stateDir), instance),
    gate: new AdaptiveGate({ initial, min: MIN_STARTS, max: initial * STARTS_PER_CPU }),
    leases: new LeaseKeeper(options.logger ?? silentLogger),
    cpuTurn: new CpuTurn(engine.cpus),
    uidSlots: options.uidRange ? new UidSlots(options.uidRange, () => backend.uidsInUse(), engine.mapsUids) : undefined,
    goodbyeMs: GOODBYE_MS,
  };
}

/** Starts the watchdog before it creates the directories, because the owner may be killed at any moment. */
export function startWatchdog({ backend, instance, instanceDir }: LaunchContext, root: string): Watchdog {
  const watchdog = new Watchdog(
    { connection: backend.connection, instance, directory: instanceDir, root },
    backend.connectionEnv,
  );
  try {
    makeInstanceDir(root, instance);
    return watchdog;
  } catch (error) {
    watchdog.dismiss();
    throw error;
  }
}
