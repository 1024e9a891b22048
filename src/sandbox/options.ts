/** Options of `SandboxManager.open()` and `SandboxManager.sweep()`. */
import { z } from 'zod';
import { type BackendOptions, backendSchema } from '../backends/options.js';
import type { Logger } from '../base/logger.js';
import { signalSchema, text } from '../base/option-fields.js';
import type { CreateOptions } from '../launch/options.js';
import type { PoolOptions } from '../pool/pool-options.js';

/** Range of uids. */
export interface UidRange {
  /** First uid, at least 1000. */
  first: number;
  /** Number of uids, at least 2. */
  count: number;
}

/** Options of `SandboxManager.sweep()`. */
export interface SweepOptions extends BackendOptions {
  /** Directory of temporary workspaces. If unset, `$RIPCORD_STATE_DIR`, or else `<tmp>/ripcord-<uid>`. */
  stateDir?: string | undefined;
  /** Logger for warnings and events of the library; pino fits. If unset, nothing is logged. */
  logger?: Logger | undefined;
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined;
}

/** Options of `SandboxManager.open()`. */
export interface ManagerOptions extends BackendOptions {
  /** Defaults for the options of `create()`. */
  defaults?: Omit<CreateOptions, 'signal'> | undefined;
  /** Directory of temporary workspaces. If unset, `$RIPCORD_STATE_DIR`, or else `<tmp>/ripcord-<uid>`. */
  stateDir?: string | undefined;
  /** Logger for warnings and events of the library; pino fits. If unset, nothing is logged. */
  logger?: Logger | undefined;
  /** Signal that aborts the call, and later closes the manager. */
  signal?: AbortSignal | undefined;
  /**
   * Cleanup when the process ends: on SIGINT, SIGTERM, SIGHUP, beforeExit and uncaught exceptions all sandboxes are removed.
   * @default true
   */
  handleSignals?: boolean | undefined;
  /**
   * Uids that sandboxes take theirs from, two for each. Ripcord's images give those of the default the name `sandbox`. `false`: no
   * sandbox has uids of its own.
   * @default { first: 40_000, count: 1024 }
   */
  uidRange?: false | UidRange | undefined;
  /**
   * Removal, in the background, of containers and directories whose owner process is dead.
   * @default true
   */
  sweep?: boolean | undefined;
  /** Sandboxes made in advance: a list of those to keep ready, or an object. If unset, none. See docs/pool.md. */
  pool?: PoolOptions | undefined;
}

const uidRangeSchema = z.strictObject({
  first: z
    .number()
    .int()
    .min(1000)
    .max(2 ** 31 - 1),
  count: z
    .number()
    .int()
    .min(2)
    .max(2 ** 24),
});

export const managerSchema = z.strictObject({
  ...backendSchema.shape,
  // Value checked by the schema of `create()`.
  defaults: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
  stateDir: text.min(1).optional(),
  logger: z
    .custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function', { error: 'expected a logger' })
    .optional(),
  signal: signalSchema.optional(),
  handleSignals: z.boolean().default(true),
  uidRange: z.union([z.literal(false), uidRangeSchema]).default({ first: 40_000, count: 1024 }),
  sweep: z.boolean().default(true),
  // Value checked by `parsePool()`.
  pool: z.unknown().optional(),
});

export const sweepSchema = managerSchema.pick({
  backend: true,
  docker: true,
  stateDir: true,
  logger: true,
  signal: true,
});
