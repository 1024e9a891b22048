/** Options of exec, spawn and runCode. */
import { z } from 'zod';
import { envSchema, MAX_MS, milliseconds, signalSchema, sizeSchema, text, userSchema } from '../base/option-fields.js';
import { LANGUAGES, type LanguageName, languageNamed } from './language-names.js';

/** Options that all commands have. */
export interface CommandOptions {
  /** Working directory: an absolute path, or one relative to the sandbox's `cwd`. If unset, the sandbox's `cwd`. */
  cwd?: string | undefined;
  /**
   * Environment variables of this command. They override the sandbox's.
   * @default {}
   */
  env?: Record<string, string> | undefined;
  /**
   * User that runs the command: a uid, a name or `user:group`. If unset, the sandbox's user. Root is refused (`agent-unsafe`)
   * on kernels where it could reach the agent: older gVisor.
   */
  user?: string | number | undefined;
  /**
   * Time limit in milliseconds of wall-clock time, enforced inside the sandbox. A command that passes it is killed and has the
   * outcome `timeout`. If unset, only the sandbox's `lifetimeMs` limits the command.
   */
  timeoutMs?: number | undefined;
  /**
   * Time in milliseconds between SIGTERM and SIGKILL when a command is timed out, aborted or killed.
   * @default 500
   */
  killGraceMs?: number | undefined;
  /**
   * Time in milliseconds that background processes may go on after the command has ended; at most a minute. Processes still alive
   * then are killed and counted (`backgroundKilled`). 0 kills them at once. A command without background processes waits for
   * nothing. The default is enough for a shell's `> >(tee log)` and for Python's resource tracker. Ignored with `detached`.
   * @default 200
   */
  drainMs?: number | undefined;
  /** Signal that aborts the command: its whole process tree is killed, and the call throws TaskAbortedError. */
  signal?: AbortSignal | undefined;
}

/** Options of `sandbox.exec()`. `Chunk` is `string`, or `Uint8Array` with `encoding: 'buffer'`. */
export interface ExecOptions<Chunk = string> extends CommandOptions {
  /** Standard input of the command. If unset, it is empty (`/dev/null`). */
  stdin?: StdinSource | undefined;
  /**
   * Size of the output kept of each channel, head and tail; at most 16 MiB. The rest is counted and
   * dropped inside the sandbox.
   * @default '1m'
   */
  maxOutputBytes?: string | number | undefined;
  /**
   * Action when a channel passes `maxOutputBytes`: `truncate` drops the middle, `kill` ends the command with the outcome
   * `output-limit`.
   * @default 'truncate'
   */
  onOutputLimit?: 'truncate' | 'kill' | undefined;
  /**
   * Type of the output, in the result and in the callbacks: `utf8` is text, `buffer` the exact bytes.
   * @default 'utf8'
   */
  encoding?: (Chunk extends string ? 'utf8' : 'buffer') | undefined;
  /** Callback for each piece of standard output as it comes. If it returns a promise, no more is read until that resolves. */
  onStdout?: ((chunk: Chunk) => unknown) | undefined;
  /** Callback for each piece of standard error as it comes. If it returns a promise, no more is read until that resolves. */
  onStderr?: ((chunk: Chunk) => unknown) | undefined;
}

/** Options of `sandbox.runCode()`. */
export interface RunCodeOptions<Chunk = string> extends ExecOptions<Chunk> {
  /**
   * Language of the program; short names such as `py`, `js`, `ts` and `sh` are accepted. If unset: `javascript` in Ripcord's
   * `node` image and `bash` in `shell`, also in images made from them; else `python`.
   */
  language?: LanguageName | undefined;
  /**
   * Arguments for the program.
   * @default []
   */
  args?: string[] | undefined;
  /**
   * Permission to run the program in a fork of a warm interpreter, for Python only. The first use starts that interpreter. If
   * unset, the sandbox's `warm`.
   */
  warm?: boolean | undefined;
}

/** Options of `sandbox.spawn()`. */
export interface SpawnOptions extends CommandOptions {
  /**
   * Terminal for the command: stdout and stderr become one stream, and stdin is a keyboard. Give its size, or `true` for 80 × 24.
   * @default false
   */
  pty?: boolean | TerminalSize | undefined;
  /**
   * Standard input of the command: `pipe` makes `command.stdin` writable, `ignore` is `/dev/null`.
   * @default 'pipe'
   */
  stdin?: 'pipe' | 'ignore' | undefined;
  /**
   * Survival of background processes: `true` lets them live until the sandbox ends, `false` kills them when the command ends.
   * @default false
   */
  detached?: boolean | undefined;
}

/** Options of `sandbox.spawn()` with which the command has a `stdin` to write to. */
export interface PipedSpawnOptions extends SpawnOptions {
  /**
   * Standard input of the command, which is `command.stdin`.
   * @default 'pipe'
   */
  stdin?: 'pipe' | undefined;
}

/** Size of a terminal, in characters. */
export interface TerminalSize {
  /** Number of columns, 1 to 65,535. */
  cols: number;
  /** Number of rows, 1 to 65,535. */
  rows: number;
}

export type StdinSource = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** A drain is for helpers that end by themselves soon; `detached` is for servers. */
const MAX_DRAIN_MS = 60_000;

const commandFields = {
  cwd: text.min(1).optional(),
  env: envSchema.default({}),
  user: userSchema.optional(),
  timeoutMs: milliseconds.optional(),
  killGraceMs: z.number().int().min(0).max(MAX_MS).default(500),
  drainMs: z.number().int().min(0).max(MAX_DRAIN_MS).default(200),
  signal: signalSchema.optional(),
};

type OutputCallback = (chunk: never) => unknown;
const callback = z.custom<OutputCallback>((value) => typeof value === 'function', { error: 'expected a function' });

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isAsyncIterable = (value: unknown): value is AsyncIterable<string | Uint8Array> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

export const execSchema = z.strictObject({
  ...commandFields,
  stdin: z
    .custom<StdinSource>((value) => typeof value === 'string' || isBytes(value) || isAsyncIterable(value), {
      error: 'expected a string, bytes or an async iterable of them',
    })
    .optional(),
  maxOutputBytes: sizeSchema
    .refine((bytes) => bytes <= 16 * 1024 ** 2, { error: 'must be at most 16m' })
    .default(1024 ** 2),
  onOutputLimit: z.enum(['truncate', 'kill']).default('truncate'),
  encoding: z.enum(['utf8', 'buffer']).default('utf8'),
  onStdout: callback.optional(),
  onStderr: callback.optional(),
});

/** `command.resize()` */
export const terminalSizeSchema = z.strictObject({
  cols: z.number().int().min(1).max(65_535),
  rows: z.number().int().min(1).max(65_535),
});

export const spawnSchema = z.strictObject({
  ...commandFields,
  pty: z.union([z.boolean(), terminalSizeSchema]).default(false),
  stdin: z.enum(['pipe', 'ignore']).default('pipe'),
  detached: z.boolean().default(false),
});

export const runCodeSchema = execSchema.extend({
  language: z
    .preprocess((name) => (typeof name === 'string' ? (languageNamed(name) ?? name) : name), z.enum(LANGUAGES))
    .optional(),
  args: z.array(text).default([]),
  warm: z.boolean().optional(),
});
