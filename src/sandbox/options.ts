/** Options of `SandboxManager.open()` and `SandboxManager.sweep()`. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { signalSchema, text } from '../base/option-fields.js';
import type { CreateOptions } from '../launch/options.js';
import type { PoolOptions } from '../pool/pool-options.js';

const engineObject = z.strictObject({
  socketPath: z.string().optional(),
  /** A docker context by name. */
  context: z.string().optional(),
  host: z.string().optional(),
  port: z.union([z.number(), z.string()]).optional(),
  protocol: z.enum(['http', 'https', 'ssh']).optional(),
  username: z.string().optional(),
  ca: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  cert: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  key: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  sshOptions: z.record(z.string(), z.unknown()).optional(),
});

/** `SandboxManager.open()` */
export const managerSchema = z.strictObject({
  /** The engine: a URL as in DOCKER_HOST, or dockerode's own options. Default: as the docker CLI finds it. */
  docker: z.union([z.string(), engineObject]).optional(),
  /** Defaults for `create()`, checked by its own schema. */
  defaults: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
  /** Where temp workspaces live. Default `$RIPCORD_STATE_DIR`, else `<tmp>/ripcord-<uid>`. */
  stateDir: text.min(1).optional(),
  logger: z
    .custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function', { error: 'expected a logger' })
    .optional(),
  /** Aborting it closes the manager. */
  signal: signalSchema.optional(),
  /** Clean up on SIGINT, SIGTERM, SIGHUP, beforeExit and uncaught exceptions. Default true. */
  handleSignals: z.boolean().default(true),
  /**
   * The uids that sandboxes take theirs from, two for each; `false`: none has its own. Default: 1024 from 40,000, which Ripcord's
   * images give the name `sandbox`.
   */
  uidRange: z
    .union([
      z.literal(false),
      z.strictObject({
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
      }),
    ])
    .default({ first: 40_000, count: 1024 }),
  /** Remove what dead owners left, in the background. Default true. */
  sweep: z.boolean().default(true),
  /** Sandboxes made in advance: a list of what to keep ready, or an object with `keep`, `learn` … docs/pool.md */
  pool: z.unknown().optional(),
});

/** `SandboxManager.sweep()` */
export const sweepSchema = managerSchema.pick({ docker: true, stateDir: true, logger: true, signal: true });

export type DockerOption = z.input<typeof managerSchema>['docker'];
export type ManagerOptions = Omit<z.input<typeof managerSchema>, 'defaults' | 'pool'> & {
  defaults?: Omit<CreateOptions, 'signal'> | undefined;
  pool?: PoolOptions | undefined;
};

export type SweepOptions = z.input<typeof sweepSchema>;
