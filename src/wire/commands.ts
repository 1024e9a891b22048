/** Commands: the requests, the results, and the documents of running and past ones. */
import { z } from 'zod';
import { execSchema, runCodeSchema, spawnSchema } from '../command/options.js';
import { type CommandResult, type ExecResult, OUTCOMES } from '../command/outcome.js';
import { signalSchema } from './fields.js';
import { schemaFor } from './schema-for.js';

const argument = z.string().refine((value) => !value.includes('\0'), { error: 'must not contain a NUL byte' });
/** An argument list, or a line for `/bin/sh`. */
const commandLineSchema = z.union([argument.min(1), z.array(argument).min(1).max(4096)]);

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
const input = {
  stdin: z.union([z.string(), z.strictObject({ base64: z.base64() })]).optional(),
  /** `base64` for output that is not text. */
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
};
const program = { code: z.string(), ...runCodeSchema.pick({ language: true, args: true, warm: true }).shape };
export const execBody = exec.extend({ command: commandLineSchema, ...input });
export const runCodeBody = exec.extend({ ...program, ...input });
export const spawnBody = spawnSchema
  .pick({ cwd: true, env: true, timeoutMs: true, killGraceMs: true, drainMs: true, detached: true })
  .extend({ command: commandLineSchema });

export const killQuery = z.strictObject({ signal: signalSchema.optional() });
export const waitQuery = z.strictObject({ waitMs: z.coerce.number().int().min(0).max(60_000).default(0) });

const resultFields = {
  outcome: z.enum(OUTCOMES),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  durationMs: z.number(),
  usage: z.object({ cpuMs: z.number(), maxRssBytes: z.number() }),
  oomKilled: z.boolean(),
  pidsLimitHit: z.boolean(),
  socketsLimitHit: z.boolean(),
  backgroundKilled: z.number(),
  warm: z.literal(true).optional(),
  failure: z
    .object({
      errno: z.string(),
      stage: z.enum(['none', 'request', 'user', 'cwd', 'resources', 'exec', 'pty', 'program']),
      message: z.string(),
    })
    .optional(),
  hint: z.string().optional(),
};
export const commandResultSchema = schemaFor<CommandResult>()(z.object(resultFields));

/** The result of a command with its output: `base64` where it has to arrive byte by byte. */
export const wireResultSchema = schemaFor<ExecResult & { encoding?: 'base64' }>()(
  z.object({
    ...resultFields,
    stdout: z.string(),
    stderr: z.string(),
    stdoutBytes: z.number(),
    stderrBytes: z.number(),
    truncated: z.boolean(),
    encoding: z.literal('base64').optional(),
  }),
);
export type WireResult = z.output<typeof wireResultSchema>;

/** A command in the background, with the head and the tail of its output. */
export const commandSchema = z.object({
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
export type CommandDocument = z.output<typeof commandSchema>;

const lastCommand = {
  /** Shortened where it is long. */
  argv: z.array(z.string()),
  /** Times in milliseconds since 1970. */
  startedAt: z.number(),
  endedAt: z.number().optional(),
  outcome: z.string().optional(),
  exitCode: z.number().nullable().optional(),
};
export const lastCommandSchema = z.object(lastCommand);
export type LastCommand = z.output<typeof lastCommandSchema>;
export const pastCommandSchema = z.object({
  id: z.string(),
  ...lastCommand,
  /** The name of the signal that ended it. */
  signal: z.string().optional(),
});
export type PastCommand = z.output<typeof pastCommandSchema>;

const shared = {
  /** Unacknowledged output of one channel the client takes; it then sends `ack`. Default: no such limit. */
  window: z.number().int().min(1024).optional(),
  /** Whether the command reads what is sent; else its stdin is empty. */
  stdin: z.boolean().default(true),
};
/** First message of a WebSocket: starts a command. */
export const startMessage = z.strictObject({
  ...spawnSchema.pick({
    cwd: true,
    env: true,
    timeoutMs: true,
    killGraceMs: true,
    drainMs: true,
    pty: true,
    detached: true,
  }).shape,
  ...shared,
  type: z.literal('start'),
  command: commandLineSchema,
});
export type StartRequest = Omit<z.input<typeof startMessage>, 'type' | 'window'>;
const streamed = exec.extend({
  ...shared,
  stdin: z.boolean().default(false),
  encoding: z.enum(['utf8', 'buffer']).default('utf8'),
});
/** As `POST exec`: the result has the output, too. */
export const execMessage = streamed.extend({ type: z.literal('exec'), command: commandLineSchema });
export const runCodeMessage = streamed.extend({ type: z.literal('run-code'), ...program });
