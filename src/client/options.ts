import { z } from 'zod';
import { createSchema } from '../launch/options.js';

const signal = z.custom<AbortSignal>((value) => value instanceof AbortSignal, { error: 'expected an AbortSignal' });

/** `RipcordClient.connect()` */
export const clientSchema = z.strictObject({
  /** Default `$RIPCORD_URL`, e.g. `http://127.0.0.1:7077`. Without one, the Unix socket. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** A Unix socket. Default: the one `ripcord serve` makes. */
  socket: z.string().min(1).optional(),
  /** Default `$RIPCORD_TOKEN`. The Unix socket wants none. */
  token: z.string().min(1).optional(),
  signal: signal.optional(),
});

/** `client.create()`: what a server lets its callers choose. */
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

export type ClientOptions = z.input<typeof clientSchema>;
export type RemoteCreateOptions = z.input<typeof remoteCreateSchema>;
