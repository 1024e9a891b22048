/** What goes over the wire, as zod schemas: requests are checked by them, all of it is documented by them. */
import { z } from 'zod';
import type { SandboxStats } from '../agent/messages.js';
import { signalNumber } from '../base/linux.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import { execSchema, runCodeSchema, spawnSchema } from '../command/options.js';
import { type CommandResult, OUTCOMES, type SpawnFailure } from '../command/outcome.js';
import type { Flagged } from '../commit/review/flags.js';
import { renameSchema } from '../files/options.js';
import type { FileInfo } from '../files/sandbox-files.js';
import type { ImageStatus } from '../images/image-status.js';
import type { WireResult } from '../wire/result.js';
import type { Change } from '../workspace/diff.js';
import type { ManifestEntry } from '../workspace/manifest.js';
import type { CommandDocument } from './commands/background-commands.js';
import type { LastCommand, PastCommand } from './commands/command-history.js';
import type { SandboxDocument } from './served-sandboxes.js';
import type { PendingApproval, TaskDocument, TaskReceipt } from './served-tasks.js';

const id = (pattern: RegExp, what: string) => z.string().regex(pattern, { error: `expected ${what}` });

/** With a number where it is not the first task in its container. */
export const SANDBOX_ID = /[0-9a-f]{12}(?:-\d{1,10})?/;
export const sandboxParams = z.strictObject({ id: id(new RegExp(`^${SANDBOX_ID.source}$`), 'the id of a sandbox') });
export const portSchema = z.coerce.number().int().min(1).max(65_535);
export const commandParams = sandboxParams.extend({ command: id(/^[0-9a-f]{8}$/, 'the id of a command') });
export const taskParams = z.strictObject({ id: id(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'the id of a task') });
export const requestParams = z.strictObject({ id: id(/^[A-Za-z0-9_-]{8,64}$/, 'the id of a request') });

const argument = z.string().refine((value) => !value.includes('\0'), { error: 'must not contain a NUL byte' });
/** An argument list, or a line for `/bin/sh`. */
export const commandLineSchema = z.union([argument.min(1), z.array(argument).min(1).max(4096)]);

const base64 = z.strictObject({ base64: z.base64() });
/** `base64` for output that is not text. */
const encoding = z.enum(['utf8', 'base64']).default('utf8');

/** Callers never choose who commands run as. */
const exec = execSchema.pick({
  cwd: true,
  env: true,
  timeoutMs: true,
  killGraceMs: true,
  drainMs: true,
  maxOutputBytes: true,
  onOutputLimit: true,
});
export const execBody = exec.extend({
  command: commandLineSchema,
  stdin: z.union([z.string(), base64]).optional(),
  encoding,
});
export const runCodeBody = exec.extend({
  code: z.string(),
  ...runCodeSchema.pick({ language: true, args: true, warm: true }).shape,
  stdin: z.union([z.string(), base64]).optional(),
  encoding,
});
export const spawnBody = spawnSchema
  .pick({ cwd: true, env: true, timeoutMs: true, killGraceMs: true, drainMs: true, detached: true })
  .extend({ command: commandLineSchema });

export const signalSchema = z
  .string()
  .refine((name) => signalNumber(name) !== undefined, { error: "expected the name of a signal, e.g. 'SIGTERM'" });
export const killQuery = z.strictObject({ signal: signalSchema.optional() });
export const waitQuery = z.strictObject({ waitMs: z.coerce.number().int().min(0).max(60_000).default(0) });

/** Absolute, or relative to the workspace. */
const path = z.string().min(1).max(4095);
const flag = z.enum(['0', '1']).transform((value) => value === '1');
export const pathQuery = z.strictObject({ path });
export const readQuery = pathQuery.extend({
  offset: z.coerce.number().int().min(0).default(0),
  /** A larger rest is an error before a byte is sent. Default: no limit. */
  maxBytes: z.coerce.number().int().min(0).optional(),
});
export const writeQuery = pathQuery.extend({
  /** Octal, e.g. `644`. */
  mode: z
    .string()
    .regex(/^[0-7]{3}$/)
    .transform((text) => Number.parseInt(text, 8))
    .optional(),
  append: flag.default(false),
  exclusive: flag.default(false),
  /** Put a new file in the place of the old one by a rename. Without it the content of the file is replaced. */
  atomic: flag.default(false),
  parents: flag.default(true),
});
export const removeQuery = pathQuery.extend({ recursive: flag.default(false), force: flag.default(false) });
export const listQuery = z.strictObject({
  path: path.default('.'),
  /** Levels; `all` for all of them. */
  depth: z
    .union([z.literal('all').transform(() => Number.POSITIVE_INFINITY), z.coerce.number().int().min(1)])
    .default(1),
  maxEntries: z.coerce.number().int().min(1).max(100_000).default(100_000),
});
export const statQuery = pathQuery.extend({ follow: flag.default(true) });
export const makeDirBody = z.strictObject({
  path,
  mode: z.number().int().min(0).max(0o777).default(0o755),
  parents: z.boolean().default(true),
});
export const renameBody = z.strictObject({
  from: path,
  to: path,
  ...renameSchema.pick({ overwrite: true, parents: true }).shape,
});
export const treeQuery = z.strictObject({
  path: path.default('.'),
  maxEntries: z.coerce.number().int().min(1).optional(),
  maxBytes: z.coerce.number().int().min(0).optional(),
});

export const putTreeQuery = treeQuery.extend({
  /** Keep links that lead out of the directory as text; without it such a link is refused. */
  keepLinks: flag.default(false),
});

/** The limits of a comparison, as `files.diff` has them. */
export const diffQuery = treeQuery.omit({ path: true }).extend({ defaultIgnores: flag.default(true) });

export const startTaskBody = z.strictObject({
  spec: z.string().min(1),
  /** In place of the spec's own. */
  task: z.unknown().optional(),
  id: taskParams.shape.id.optional(),
});
export const abortTaskBody = z.strictObject({ reason: z.string().max(1000).optional() });
export const approvalBody = z.strictObject({
  approve: z.boolean(),
  /** Patterns of flagged files to write all the same. */
  allow: z.array(z.string()).optional(),
  /** To the next iteration, when it is not approved. */
  reason: z.string().max(10_000).optional(),
});
export const afterQuery = z.strictObject({ lastEventId: z.coerce.number().int().min(0).optional() });

// Answers, for the documentation and for generated clients. They are not checked when they are sent; that each schema names
// every field its type has, and no other, is checked by the compiler.
type Shape<T> = { [K in keyof T]-?: z.ZodType };
const answer =
  <T>() =>
  <S extends Shape<T>>(shape: S & Record<Exclude<keyof S, keyof T>, never>) =>
    z.object(shape as S);

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
      details: z.record(z.string(), z.unknown()).optional(),
      partial: z.unknown().optional(),
    }),
  })
  .describe('What went wrong. `code` is stable.');
export const statsSchema = answer<SandboxStats>()({
  memoryBytes: z.number().optional(),
  memoryPeakBytes: z.number().optional(),
  cpuMs: z.number().optional(),
  pids: z.number().optional(),
  oomKills: z.number().optional(),
  pidsLimitHits: z.number().optional(),
  commands: z.number().optional(),
  agentRssBytes: z.number().optional(),
});
const lastCommand = {
  argv: z.array(z.string()),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  outcome: z.string().optional(),
  exitCode: z.number().nullable().optional(),
};
export const pastCommandSchema = answer<PastCommand>()({
  id: z.string(),
  ...lastCommand,
  signal: z.string().optional(),
});
export const sandboxSchema = answer<SandboxDocument & { stats?: SandboxStats }>()({
  id: z.string(),
  image: z.string(),
  createdAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  limits: z.object({ memory: z.number(), cpus: z.number(), pids: z.number() }),
  state: z.enum(['open', 'closing']),
  owner: z.string().optional(),
  task: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  lastCommand: answer<LastCommand>()(lastCommand).optional(),
  stats: statsSchema.optional(),
});
export const receiptSchema = answer<SandboxReceipt>()({
  sandbox: z.string(),
  container: answer<SandboxReceipt['container']>()({
    id: z.string().optional(),
    name: z.string(),
    verifiedAbsent: z.boolean(),
  }),
  directory: answer<SandboxReceipt['directory']>()({ path: z.string(), verifiedAbsent: z.boolean() }),
  commandsKilled: z.number(),
  durationMs: z.number(),
  reuse: z
    .discriminatedUnion('recycled', [
      z.object({ recycled: z.literal(true), resetMs: z.number() }),
      z.object({ recycled: z.literal(false), reason: z.string() }),
    ])
    .optional(),
  errors: z.array(z.string()),
});
export const commandResultSchema = answer<CommandResult>()({
  outcome: z.enum(OUTCOMES),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  durationMs: z.number(),
  usage: answer<CommandResult['usage']>()({ cpuMs: z.number(), maxRssBytes: z.number() }),
  oomKilled: z.boolean(),
  pidsLimitHit: z.boolean(),
  socketsLimitHit: z.boolean(),
  backgroundKilled: z.number(),
  warm: z.literal(true).optional(),
  failure: answer<SpawnFailure>()({ errno: z.string(), stage: z.string(), message: z.string() }).optional(),
  hint: z.string().optional(),
});
export const execResultSchema = answer<WireResult>()({
  ...commandResultSchema.shape,
  stdout: z.string(),
  stderr: z.string(),
  stdoutBytes: z.number(),
  stderrBytes: z.number(),
  truncated: z.boolean(),
  encoding: z.literal('base64').optional(),
});
export const commandSchema = answer<CommandDocument>()({
  id: z.string(),
  pid: z.number().optional(),
  command: commandLineSchema,
  startedAt: z.iso.datetime(),
  running: z.boolean(),
  result: commandResultSchema.optional(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
});
export const fileSchema = answer<FileInfo>()({
  path: z.string(),
  kind: z.enum(['file', 'directory', 'link', 'other']),
  mode: z.number(),
  size: z.number(),
  mtimeMs: z.number(),
  uid: z.number(),
  gid: z.number(),
  linkTarget: z.string().optional(),
  sha256: z.string().optional(),
});
const entrySchema = answer<ManifestEntry>()({
  kind: z.string(),
  mode: z.number(),
  size: z.number(),
  mtimeMs: z.number(),
  sha256: z.string().optional(),
  linkTarget: z.string().optional(),
});
export const changeSchema = answer<Change>()({
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted', 'mode-changed', 'type-changed']),
  kind: z.string(),
  before: entrySchema.optional(),
  after: entrySchema.optional(),
});
/** `ignored` has the topmost paths left out by default, at most 1,000 of `ignoredCount`. */
export const diffAnswerSchema = z.object({
  changes: z.array(changeSchema),
  ignored: z.array(z.string()),
  ignoredCount: z.number(),
});
export const taskSchema = answer<TaskDocument>()({
  id: z.string(),
  spec: z.string(),
  state: z.string(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  iteration: z.number(),
  phase: z.string().optional(),
  branches: z.array(z.record(z.string(), z.unknown())),
  finalOutput: z.string().optional(),
  error: z.string().optional(),
  awaitsApproval: z.boolean(),
});
export const taskEndSchema = z.object({
  type: z.enum(['completed', 'aborted', 'failed']),
  result: z.record(z.string(), z.unknown()).optional(),
  receipt: answer<TaskReceipt>()({
    sandboxes: z.number(),
    verifiedAbsent: z.boolean(),
    settledMs: z.number().optional(),
    receipts: z.array(receiptSchema),
  }).optional(),
  error: z.string().optional(),
});
export const approvalSchema = answer<PendingApproval>()({
  iteration: z.number(),
  branch: z.number(),
  target: z.string(),
  changes: z.array(changeSchema),
  withSeed: z.boolean().describe('The target is empty or does not exist: it receives the files of the seed, too'),
  flagged: z.array(answer<Flagged>()({ path: z.string(), rule: z.string(), reason: z.string() })),
  diff: z.string(),
});
type ImageDocument = Pick<ImageStatus, 'name' | 'tag' | 'description' | 'state' | 'sizeBytes' | 'createdAt'>;
export const imageSchema = answer<ImageDocument>()({
  name: z.string(),
  tag: z.string(),
  description: z.string(),
  state: z.enum(['missing', 'stale', 'ready']),
  sizeBytes: z.number().optional(),
  createdAt: z.iso.datetime().optional(),
});
export const abortAnswerSchema = z.object({ status: z.literal('abort_requested') });

export const previewBody = z.strictObject({ port: z.number().int().min(1).max(65_535) });
export const previewSchema = z.strictObject({
  port: z.number().int(),
  path: z.string().describe('For a browser, below the address of the server. Whoever knows it may use the port'),
});
