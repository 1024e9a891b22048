/** Options of `RipcordClient.connect()` and `client.create()`. */
import { z } from 'zod';
import { signalSchema } from '../base/option-fields.js';
import { type CreateOptions, createSchema } from '../launch/options.js';

/** Options of `RipcordClient.connect()`. Give either `url` or `socket`. */
export interface ClientOptions {
  /** URL of the server, e.g. `http://127.0.0.1:7077`. If unset, `$RIPCORD_URL`, or else a Unix socket. */
  url?: string | undefined;
  /** Path of the server's Unix socket. If unset, the one that `ripcord serve` makes. */
  socket?: string | undefined;
  /** Token of the caller. If unset, `$RIPCORD_TOKEN`. A Unix socket needs none. */
  token?: string | undefined;
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined;
}

/** Options of `client.create()`: those of `manager.create()` that a server lets its callers choose. */
export interface RemoteCreateOptions
  extends Pick<
    CreateOptions,
    | 'image'
    | 'env'
    | 'cwd'
    | 'lifetimeMs'
    | 'runtime'
    | 'labels'
    | 'createTimeoutMs'
    | 'limits'
    | 'network'
    | 'reuse'
    | 'warm'
    | 'signal'
  > {}

export const clientSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).optional(),
  socket: z.string().min(1).optional(),
  token: z.string().min(1).optional(),
  signal: signalSchema.optional(),
});

export const remoteCreateSchema = createSchema.pick({
  image: true,
  env: true,
  cwd: true,
  lifetimeMs: true,
  runtime: true,
  labels: true,
  createTimeoutMs: true,
  limits: true,
  network: true,
  reuse: true,
  warm: true,
  signal: true,
});
