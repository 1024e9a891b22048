/** Options of `RipcordClient.connect()` and `client.create()`. */
import { z } from 'zod';
import { signalSchema } from '../base/option-fields.js';
import type { NetworkOptions } from '../egress/options.js';
import type { CreateOptions, Limits } from '../launch/options.js';
import { callerCreateSchema } from '../wire/sandboxes.js';

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

/** Resource limits that a server lets its callers choose. */
export interface RemoteLimits extends Omit<Limits, 'cpuset'> {
  /**
   * Pinning of the sandbox to `cpus` CPUs, rounded up. The server chooses the CPUs.
   * @default false
   */
  cpuset?: boolean | undefined;
}

/** Options of `client.create()`: those of `manager.create()` that a server lets its callers choose. */
export interface RemoteCreateOptions
  extends Pick<
    CreateOptions,
    'image' | 'env' | 'cwd' | 'lifetimeMs' | 'runtime' | 'labels' | 'createTimeoutMs' | 'reuse' | 'warm' | 'signal'
  > {
  /**
   * Resource limits, each with its own default, up to those of the server.
   * @default {}
   */
  limits?: RemoteLimits | undefined;
  /**
   * Network access: none, or a proxy to the listed hosts, within what the server allows its callers.
   * @default 'none'
   */
  network?: 'none' | Pick<NetworkOptions, 'allow' | 'deny' | 'ports' | 'maxBytes' | 'maxConnections'> | undefined;
}

export const clientSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).optional(),
  socket: z.string().min(1).optional(),
  token: z.string().min(1).optional(),
  signal: signalSchema.optional(),
});

/** Schema of the server's create request, plus a signal. */
export const remoteCreateSchema = callerCreateSchema.extend({ signal: signalSchema.optional() });
