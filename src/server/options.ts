/** Options of a server: its address, its callers, and limits of their requests. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { milliseconds, parseSize } from '../base/option-fields.js';
import { cpuLimit, memoryLimit, pidLimit, socketLimit } from '../launch/options.js';

/** A token that may call the server over TCP. */
export interface TokenOptions {
  /** Name of the token in logs and metrics: letters, digits, dot, dash and underscore, at most 64. */
  name: string;
  /** Secret in base64url, at least 43 characters (256 bits). */
  token: string;
}

/** Address of a server: a Unix socket, made with mode 0600. A program that may open it may call without a token. */
export interface SocketListenOptions {
  /** Path of the Unix socket. */
  socket: string;
}

/** Address of a server: a TCP port. */
export interface TcpListenOptions {
  /**
   * Name or address to listen on.
   * @default '127.0.0.1'
   */
  host?: string | undefined;
  /**
   * Port to listen on; 0 chooses a free one.
   * @default 7077
   */
  port?: number | undefined;
  /**
   * Permission to listen on an address that is not this machine's loopback.
   * @default false
   */
  public?: boolean | undefined;
}

/** Limits of callers' requests. */
export interface CallerOptions {
  /**
   * Names that sandboxes of callers may reach, as in `network.allow`, without addresses.
   * @default []
   */
  allowEgress?: string[] | undefined;
  /** Value of `network.ca` for every sandbox of a caller that has a network. If unset, none. */
  ca?: string | undefined;
  /** Value of `network.upstreamProxy` for every sandbox of a caller that has a network. If unset, none. */
  upstreamProxy?: string | undefined;
  /**
   * Images that callers may use besides Ripcord's own; `*` allows all that the engine has.
   * @default []
   */
  allowImages?: string[] | undefined;
  /**
   * OCI runtimes that callers may choose, e.g. `runsc`.
   * @default []
   */
  allowRuntimes?: string[] | undefined;
  /**
   * Maximum number of open sandboxes of one token.
   * @default 32
   */
  maxSandboxes?: number | undefined;
  /**
   * Maximum memory of one sandbox.
   * @default '2g'
   */
  maxMemory?: string | number | undefined;
  /**
   * Maximum number of CPUs of one sandbox.
   * @default 2
   */
  maxCpus?: number | undefined;
  /**
   * Maximum number of processes of one sandbox.
   * @default 1024
   */
  maxPids?: number | undefined;
  /**
   * Maximum of `limits.sockets` that a caller may request. If a sandbox does not set it, its limit depends on its memory.
   * @default 8192
   */
  maxSandboxSockets?: number | undefined;
  /**
   * Maximum life of one sandbox in milliseconds, from its creation or its last `extend`.
   * @default 86_400_000 (24 h)
   */
  maxLifetimeMs?: number | undefined;
  /**
   * Maximum number of running tasks of one token.
   * @default 8
   */
  maxTasks?: number | undefined;
  /**
   * Maximum number of background commands of one sandbox.
   * @default 64
   */
  maxCommands?: number | undefined;
  /**
   * Maximum number of open WebSockets of one token.
   * @default 512
   */
  maxSockets?: number | undefined;
  /**
   * Maximum number of requests of one token at once.
   * @default 512
   */
  maxRequests?: number | undefined;
}

/** Times that the server waits for its peers, and the memory it keeps for them. */
export interface PatienceOptions {
  /**
   * Time in milliseconds for the head of a request.
   * @default 10_000 (10 s)
   */
  headersMs?: number | undefined;
  /**
   * Time in milliseconds for the body of a request, except streams.
   * @default 30_000 (30 s)
   */
  bodyMs?: number | undefined;
  /**
   * Time in milliseconds after which a peer is disconnected that does not read its data or stops sending a body.
   * @default 30_000 (30 s)
   */
  stallMs?: number | undefined;
  /**
   * Time in milliseconds for the first message of a WebSocket.
   * @default 10_000 (10 s)
   */
  helloMs?: number | undefined;
  /**
   * Time in milliseconds between pings of a WebSocket. Without an answer before the next ping it is closed.
   * @default 20_000 (20 s)
   */
  pingMs?: number | undefined;
  /**
   * Time in milliseconds for tasks to end when the server stops.
   * @default 10_000 (10 s)
   */
  drainMs?: number | undefined;
  /**
   * Maximum number of connections. Past it the connection that has been open longest without a valid token is closed.
   * @default 4096
   */
  maxConnections?: number | undefined;
  /**
   * Maximum bytes of a body, except streams, and of a WebSocket message.
   * @default 1_048_576 (1 MiB)
   */
  maxBodyBytes?: number | undefined;
  /**
   * Unsent bytes of a WebSocket at which its source pauses.
   * @default 1_048_576 (1 MiB)
   */
  pauseBytes?: number | undefined;
  /**
   * Unsent bytes of a WebSocket at which it is closed.
   * @default 8_388_608 (8 MiB)
   */
  closeBytes?: number | undefined;
  /**
   * Bytes of events of one task that are kept for readers that come back.
   * @default 4_194_304 (4 MiB)
   */
  journalBytes?: number | undefined;
}

/** Options of `RipcordServer.start()`. */
export interface ServerOptions {
  /** Address to listen on: a Unix socket or a TCP port. */
  listen: SocketListenOptions | TcpListenOptions;
  /**
   * Tokens that may call over TCP. The first sees everything, each other its own sandboxes and tasks.
   * @default []
   */
  tokens?: TokenOptions[] | undefined;
  /**
   * Host names, besides the address itself, that requests may carry in their Host header.
   * @default []
   */
  hosts?: string[] | undefined;
  /**
   * Limits of callers' requests.
   * @default {}
   */
  callers?: CallerOptions | undefined;
  /**
   * Times that the server waits for its peers, and the memory it keeps for them.
   * @default {}
   */
  patience?: PatienceOptions | undefined;
  /**
   * Specs that tasks can be started from, by name.
   * @default {}
   */
  specs?: Record<string, object> | undefined;
  /**
   * Requirement that a person approves the commit of every task, even if its spec does not require it.
   * @default false
   */
  approve?: boolean | undefined;
  /** Path of the directory with the dashboard's files. If unset, the server does not have a dashboard. */
  dashboard?: string | undefined;
  /** Logger of the server, for example a pino logger. If unset, nothing is logged. */
  logger?: Logger | undefined;
}

const SECOND = 1000;
const text = z.string().min(1);
const count = z.number().int().min(1);

/** Minimum length of a token: 256 bits are 43 characters of base64url. */
const MIN_TOKEN_LENGTH = 43;
export const tokenSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: 'expected letters, digits, dot, dash and underscore' }),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, { error: 'expected base64url' })
    .min(MIN_TOKEN_LENGTH, {
      error: `expected at least ${MIN_TOKEN_LENGTH} characters (256 bits)`,
    }),
});

export const listenSchema = z.union([
  z.strictObject({ socket: text }),
  z.strictObject({
    host: text.default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(7077),
    public: z.boolean().default(false),
  }),
]);

export const callersSchema = z.strictObject({
  allowEgress: z.array(text).max(500).default([]),
  ca: text.optional(),
  upstreamProxy: text.optional(),
  allowImages: z.array(text).default([]),
  allowRuntimes: z.array(text).default([]),
  maxSandboxes: count.default(32),
  maxMemory: memoryLimit.default(parseSize('2g')!),
  maxCpus: cpuLimit.default(2),
  maxPids: pidLimit.default(1024),
  maxSandboxSockets: socketLimit.default(8192),
  maxLifetimeMs: milliseconds.default(24 * 3600 * SECOND),
  maxTasks: count.default(8),
  maxCommands: count.default(64),
  maxSockets: count.default(512),
  maxRequests: count.default(512),
});

export const patienceSchema = z.strictObject({
  headersMs: milliseconds.default(10 * SECOND),
  bodyMs: milliseconds.default(30 * SECOND),
  stallMs: milliseconds.default(30 * SECOND),
  helloMs: milliseconds.default(10 * SECOND),
  pingMs: milliseconds.default(20 * SECOND),
  drainMs: milliseconds.default(10 * SECOND),
  maxConnections: count.default(4096),
  maxBodyBytes: count.default(1024 ** 2),
  pauseBytes: count.default(1024 ** 2),
  closeBytes: count.default(8 * 1024 ** 2),
  journalBytes: count.default(4 * 1024 ** 2),
});

export const serverSchema = z.strictObject({
  listen: listenSchema,
  tokens: z.array(tokenSchema).default([]),
  hosts: z.array(text).default([]),
  callers: callersSchema.prefault({}),
  patience: patienceSchema.prefault({}),
  specs: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.custom<object>()).default({}),
  approve: z.boolean().default(false),
  dashboard: text.optional(),
  logger: z.custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function').optional(),
});

export type ResolvedServerOptions = z.output<typeof serverSchema>;
export type CallerPolicy = z.output<typeof callersSchema>;
export type Patience = z.output<typeof patienceSchema>;
