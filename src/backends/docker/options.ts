/** Options of a Docker engine. */
import { z } from 'zod';

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

export const dockerSchema = z.union([z.string(), engineSchema]);
