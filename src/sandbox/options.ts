/** Options of `SandboxManager.open()` and `SandboxManager.sweep()`. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { signalSchema, text } from '../base/option-fields.js';
import type { CreateOptions } from '../launch/options.js';
import type { PoolOptions } from '../pool/pool-options.js';

/** Address of a Docker engine, in dockerode's words. */
export interface EngineOptions {
  /** Path of the engine's Unix socket. */
  socketPath?: string | undefined;
  /** Name of a docker context, as in `docker --context`. */
  context?: string | undefined;
  /** Name or address of the engine's machine, or a URL as in DOCKER_HOST. */
  host?: string | undefined;
  /** TCP port of the engine. */
  port?: number | string | undefined;
  /** Protocol of the connection. If unset, `https` with certificates, else `http`. */
  protocol?: 'http' | 'https' | 'ssh' | undefined;
  /** User of the engine's machine, for `ssh`. */
  username?: string | undefined;
  /** Certificate authority of the engine, as PEM text. */
  ca?: string | Uint8Array | undefined;
  /** Certificate of this client, as PEM text. */
  cert?: string | Uint8Array | undefined;
  /** Private key of this client, as PEM text. */
  key?: string | Uint8Array | undefined;
  /** Unsupported and refused by name: the `ssh` program connects, with the user's own settings. */
  sshOptions?: Record<string, unknown> | undefined;
}

/** Address of a Docker engine: a URL as in DOCKER_HOST, or its parts. */
export type DockerOption = string | EngineOptions | undefined;

/** Range of uids. */
export interface UidRange {
  /** First uid, at least 1000. */
  first: number;
  /** Number of uids, at least 2. */
  count: number;
}

/** Options of `SandboxManager.sweep()`. */
export interface SweepOptions {
  /** Engine to connect to: a URL as in DOCKER_HOST, or its parts. If unset, the engine that the docker CLI finds. */
  docker?: DockerOption | undefined;
  /** Directory of temporary workspaces. If unset, `$RIPCORD_STATE_DIR`, or else `<tmp>/ripcord-<uid>`. */
  stateDir?: string | undefined;
  /** Logger for warnings and events of the library; pino fits. If unset, nothing is logged. */
  logger?: Logger | undefined;
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined;
}

/** Options of `SandboxManager.open()`. */
export interface ManagerOptions {
  /** Engine to connect to: a URL as in DOCKER_HOST, or its parts. If unset, the engine that the docker CLI finds. */
  docker?: DockerOption | undefined;
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

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array, Uint8Array>;
const pem = z.union([z.string(), bytes]);

export const engineSchema = z.strictObject({
  socketPath: z.string().optional(),
  context: z.string().optional(),
  host: z.string().optional(),
  port: z.union([z.number(), z.string()]).optional(),
  protocol: z.enum(['http', 'https', 'ssh']).optional(),
  username: z.string().optional(),
  ca: pem.optional(),
  cert: pem.optional(),
  key: pem.optional(),
  sshOptions: z.record(z.string(), z.unknown()).optional(),
});

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
  docker: z.union([z.string(), engineSchema]).optional(),
  // Checked by the schema of `create()`.
  defaults: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
  stateDir: text.min(1).optional(),
  logger: z
    .custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function', { error: 'expected a logger' })
    .optional(),
  signal: signalSchema.optional(),
  handleSignals: z.boolean().default(true),
  uidRange: z.union([z.literal(false), uidRangeSchema]).default({ first: 40_000, count: 1024 }),
  sweep: z.boolean().default(true),
  // Checked by `parsePool()`.
  pool: z.unknown().optional(),
});

export const sweepSchema = managerSchema.pick({ docker: true, stateDir: true, logger: true, signal: true });
