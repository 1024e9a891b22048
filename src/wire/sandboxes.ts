/** Sandboxes: the options of callers, the document of one, and the receipts of removed ones. */
import { z } from 'zod';
import type { SandboxStats } from '../agent/messages.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import { networkSchema } from '../egress/options.js';
import type { ImageStatus } from '../images/image-status.js';
import { createSchema, limitsSchema } from '../launch/options.js';
import { lastCommandSchema } from './commands.js';
import { schemaFor } from './schema-for.js';

export const callerNetworkSchema = networkSchema.pick({
  allow: true,
  deny: true,
  ports: true,
  maxBytes: true,
  maxConnections: true,
});

/** Callers do not choose the numbers of their CPUs. */
export const callerLimitsSchema = limitsSchema.safeExtend({ cpuset: z.boolean().default(false) });

/** `POST /v1/sandboxes`: less than the library gives. Nothing of the host, no root, no engine options. */
export const callerCreateSchema = createSchema
  .pick({
    image: true,
    env: true,
    cwd: true,
    lifetimeMs: true,
    runtime: true,
    labels: true,
    createTimeoutMs: true,
    warm: true,
  })
  .extend({
    limits: callerLimitsSchema.prefault({}),
    network: z.union([z.literal('none'), callerNetworkSchema]).default('none'),
    /** As the library's; a trust domain is the token's own, whatever it is called. */
    reuse: z.union([z.boolean(), z.string().min(1).max(64)]).default(false),
  });
export const extendBody = callerCreateSchema.pick({ lifetimeMs: true }).required();
export const statsQuery = z.strictObject({
  /** `1`: with the kernel's counters. */
  stats: z.enum(['0', '1']).default('0'),
});

const statsSchema = schemaFor<SandboxStats>()(
  z.object({
    memoryBytes: z.number().optional(),
    memoryPeakBytes: z.number().optional(),
    cpuMs: z.number().optional(),
    pids: z.number().optional(),
    oomKills: z.number().optional(),
    pidsLimitHits: z.number().optional(),
    commands: z.number().optional(),
    agentRssBytes: z.number().optional(),
  }),
);
export const sandboxSchema = z.object({
  id: z.string(),
  image: z.string(),
  createdAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  /** `memory` in bytes. */
  limits: z.object({ memory: z.number(), cpus: z.number(), pids: z.number() }),
  state: z.enum(['open', 'closing']),
  /** The name of the token that it was made with. */
  owner: z.string().optional(),
  /** The task it was made for. */
  task: z.string().optional(),
  /** The caller's own names and values, without the prefix that the server adds. */
  labels: z.record(z.string(), z.string()).optional(),
  lastCommand: lastCommandSchema.optional(),
  stats: statsSchema.optional(),
});
export type SandboxDocument = z.output<typeof sandboxSchema>;

const receiptFields = {
  sandbox: z.string(),
  container: z.object({ id: z.string().optional(), name: z.string(), verifiedAbsent: z.boolean() }),
  directory: z.object({ path: z.string(), verifiedAbsent: z.boolean() }),
  commandsKilled: z.number(),
  durationMs: z.number(),
  reuse: z
    .discriminatedUnion('recycled', [
      z.object({ recycled: z.literal(true), resetMs: z.number() }),
      z.object({ recycled: z.literal(false), reason: z.string() }),
    ])
    .optional(),
  errors: z.array(z.string()),
};
export const receiptSchema = schemaFor<SandboxReceipt>()(z.object(receiptFields));
/** A receipt as the server keeps it; `at` in milliseconds since 1970. */
export const keptReceiptSchema = schemaFor<SandboxReceipt & { at: number }>()(
  z.object({ ...receiptFields, at: z.number() }),
);
export type KeptReceipt = z.output<typeof keptReceiptSchema>;

type Image = Pick<ImageStatus, 'name' | 'tag' | 'description' | 'state' | 'sizeBytes' | 'createdAt'>;
export const imageSchema = schemaFor<Omit<Image, 'createdAt'> & { createdAt?: string }>()(
  z.object({
    name: z.enum(['base', 'python', 'node', 'shell', 'agent']),
    tag: z.string(),
    description: z.string(),
    state: z.enum(['missing', 'stale', 'ready']),
    sizeBytes: z.number().optional(),
    createdAt: z.iso.datetime().optional(),
  }),
);
export type ImageDocument = z.output<typeof imageSchema>;

/** `/healthz`: 200 with `ok`, 503 with `draining`. */
export const healthSchema = <Status extends string>(status: Status) =>
  z.object({ status: z.literal(status), sandboxes: z.number() });
