/** What a server is told: where it listens, who may call, and what callers may ask for. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { milliseconds, parseSize } from '../base/option-fields.js';
import { cpuLimit, memoryLimit, pidLimit, socketLimit } from '../launch/options.js';

const SECOND = 1000;
const text = z.string().min(1);
const count = z.number().int().min(1);

/** 256 bits take 43 characters of base64url. */
export const MIN_TOKEN_LENGTH = 43;
const tokenSchema = z.strictObject({
  /** In logs and metrics. */
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: 'expected letters, digits, dot, dash and underscore' }),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, { error: 'expected base64url' })
    .min(MIN_TOKEN_LENGTH, {
      error: `expected at least ${MIN_TOKEN_LENGTH} characters (256 bits)`,
    }),
});

/** Where it listens. */
export const listenSchema = z.union([
  /** A Unix socket, made with mode 0600: whoever may open it may call, without a token. */
  z.strictObject({ socket: text }),
  z.strictObject({
    /** Default `127.0.0.1`. */
    host: text.default('127.0.0.1'),
    /** Default 7077; 0: any that is free. */
    port: z.number().int().min(0).max(65_535).default(7077),
    /** Listen on an address that is not this machine's loopback. */
    public: z.boolean().default(false),
  }),
]);

/** What callers may ask for. */
export const callersSchema = z.strictObject({
  /** Names sandboxes of callers may reach, as in `network.allow`; names only. Default: none. */
  allowEgress: z.array(text).max(500).default([]),
  /** `network.ca` of every sandbox of a caller that has a network. Default: none. */
  ca: text.optional(),
  /** `network.upstreamProxy` of every sandbox of a caller that has a network. Default: none. */
  upstreamProxy: text.optional(),
  /** Images besides Ripcord's own; `*`: all the engine has. */
  allowImages: z.array(text).default([]),
  /** OCI runtimes callers may choose, e.g. `runsc`. Default: none, the engine's own default. */
  allowRuntimes: z.array(text).default([]),
  /** Open sandboxes of one token. Default 32. */
  maxSandboxes: count.default(32),
  /** Most memory of one sandbox. Default 2 GiB. */
  maxMemory: memoryLimit.default(parseSize('2g')!),
  /** Default 2. */
  maxCpus: cpuLimit.default(2),
  /** Default 1024. */
  maxPids: pidLimit.default(1024),
  /** Most `limits.sockets` a caller may give; what one has without depends on its memory. Default 8192. */
  maxSandboxSockets: socketLimit.default(8192),
  /** Longest life of one sandbox, from its creation or its last `extend`. Default 24 h. */
  maxLifetimeMs: milliseconds.default(24 * 3600 * SECOND),
  /** Tasks of one token that run at once. Default 8. */
  maxTasks: count.default(8),
  /** Commands in the background of one sandbox. Default 64. */
  maxCommands: count.default(64),
  /** WebSockets of one token at once. Default 512. */
  maxSockets: count.default(512),
  /** Requests of one token under way at once. Default 512. */
  maxRequests: count.default(512),
});

/** How long the server waits for others, and how much it keeps for them. */
export const patienceSchema = z.strictObject({
  /** For the head of a request. Default 10 s. */
  headersMs: milliseconds.default(10 * SECOND),
  /** For the body of a request that is no stream. Default 30 s. */
  bodyMs: milliseconds.default(30 * SECOND),
  /** For a peer that takes nothing, or sends nothing of a body it began. Default 30 s. */
  stallMs: milliseconds.default(30 * SECOND),
  /** For the first message of a WebSocket. Default 10 s. */
  helloMs: milliseconds.default(10 * SECOND),
  /** Between pings of a WebSocket; without an answer until the next it is dead. Default 20 s. */
  pingMs: milliseconds.default(20 * SECOND),
  /** For tasks to end when the server stops. Default 10 s. */
  drainMs: milliseconds.default(10 * SECOND),
  /** Connections at once. Past them the one that has been open longest without a valid token is closed. Default 4096. */
  maxConnections: count.default(4096),
  /** A body that is no stream, and a WebSocket message. Default 1 MiB. */
  maxBodyBytes: count.default(1024 ** 2),
  /** Unsent bytes of a WebSocket at which what feeds it waits. Default 1 MiB. */
  pauseBytes: count.default(1024 ** 2),
  /** Unsent bytes of a WebSocket at which it is closed. Default 8 MiB. */
  closeBytes: count.default(8 * 1024 ** 2),
  /** Events of one task kept for readers that come back. Default 4 MiB. */
  journalBytes: count.default(4 * 1024 ** 2),
});

export const serverSchema = z.strictObject({
  listen: listenSchema,
  /** Who may call over TCP. The first one sees everything, the others what is theirs. */
  tokens: z.array(tokenSchema).default([]),
  /** Names besides the address itself that requests may be addressed to. */
  hosts: z.array(text).default([]),
  callers: callersSchema.prefault({}),
  patience: patienceSchema.prefault({}),
  /** What tasks can be started from, by name. */
  specs: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.custom<object>()).default({}),
  /** Ask before any task's commit, whatever its spec says. Default false. */
  approve: z.boolean().default(false),
  /** The dashboard's files. Default: none is served. */
  dashboard: text.optional(),
  logger: z.custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function').optional(),
});

export type ServerOptions = z.input<typeof serverSchema>;
export type ResolvedServerOptions = z.output<typeof serverSchema>;
export type CallerPolicy = z.output<typeof callersSchema>;
export type Patience = z.output<typeof patienceSchema>;
