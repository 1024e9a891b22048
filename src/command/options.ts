/** Options of exec, spawn and runCode. */
import { z } from 'zod';
import { envSchema, MAX_MS, milliseconds, signalSchema, sizeSchema, text, userSchema } from '../base/option-fields.js';
import { LANGUAGES, type LanguageName, languageNamed } from './language-names.js';

/** A drain is for helpers that end by themselves soon; `detached` is for servers. */
const MAX_DRAIN_MS = 60_000;

const commandFields = {
  /** Absolute, or relative to the sandbox's `cwd`. */
  cwd: text.min(1).optional(),
  /** Over the sandbox's own. */
  env: envSchema.default({}),
  /** A uid, a name or `user:group`. Root is refused (`agent-unsafe`) where it could reach the agent: older gVisor. */
  user: userSchema.optional(),
  /** Wall-clock limit, enforced inside the sandbox. Default: none (the sandbox's lifetime is one). */
  timeoutMs: milliseconds.optional(),
  /** Between SIGTERM and SIGKILL when a command is timed out, aborted or killed. Default 500 ms. */
  killGraceMs: z.number().int().min(0).max(MAX_MS).default(500),
  /**
   * How long what the command leaves running may go on after the command has ended. What has not ended by itself then is
   * killed and counted (`backgroundKilled`). Nothing is waited for when nothing is left. 0: it is killed at once. Default
   * 200 ms: a shell's `> >(tee log)` or Python's resource tracker needs a few. At most a minute. Not for `detached`.
   */
  drainMs: z.number().int().min(0).max(MAX_DRAIN_MS).default(200),
  signal: signalSchema.optional(),
};

type OutputCallback = (chunk: never) => unknown;
const callback = z.custom<OutputCallback>((value) => typeof value === 'function', { error: 'expected a function' });

/** `sandbox.exec()` */
export const execSchema = z.strictObject({
  ...commandFields,
  /** What the command reads. Default: nothing (`/dev/null`). */
  stdin: z
    .custom<StdinSource>((value) => typeof value === 'string' || isBytes(value) || isAsyncIterable(value), {
      error: 'expected a string, bytes or an async iterable of them',
    })
    .optional(),
  /** Kept of each channel, head and tail; the rest is counted and dropped inside the sandbox. Default 1 MiB. */
  maxOutputBytes: sizeSchema
    .refine((bytes) => bytes <= 16 * 1024 ** 2, { error: 'must be at most 16m' })
    .default(1024 ** 2),
  /** `truncate` (default), or `kill` the command when a channel passes `maxOutputBytes`. */
  onOutputLimit: z.enum(['truncate', 'kill']).default('truncate'),
  /** `utf8` (default): text. `buffer`: exact bytes, in the result and the callbacks. */
  encoding: z.enum(['utf8', 'buffer']).default('utf8'),
  /** Called with output as it comes. A promise it returns is waited for before more is read. */
  onStdout: callback.optional(),
  onStderr: callback.optional(),
});

export type StdinSource = string | Uint8Array | AsyncIterable<string | Uint8Array>;
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isAsyncIterable = (value: unknown): value is AsyncIterable<string | Uint8Array> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** `command.resize()` */
export const terminalSizeSchema = z.strictObject({
  cols: z.number().int().min(1).max(65_535),
  rows: z.number().int().min(1).max(65_535),
});

/** `sandbox.spawn()` */
export const spawnSchema = z.strictObject({
  ...commandFields,
  /** A terminal: stdout and stderr are one, stdin is a keyboard. */
  pty: z.union([z.boolean(), terminalSizeSchema]).default(false),
  /** `pipe` (default) or `ignore` (`/dev/null`). */
  stdin: z.enum(['pipe', 'ignore']).default('pipe'),
  /** What the command leaves in the background lives on (until the sandbox ends). Default false: it is killed. */
  detached: z.boolean().default(false),
});

/** `sandbox.runCode()` */
export const runCodeSchema = execSchema.extend({
  /**
   * The language; `py`, `js`, `ts`, `sh` and the like are taken, too. Default: `javascript` in our `node` image and `bash` in `shell`, also in images
   * made from them; else `python`.
   */
  language: z
    .preprocess((name) => (typeof name === 'string' ? (languageNamed(name) ?? name) : name), z.enum(LANGUAGES))
    .optional(),
  /** Arguments for the program. */
  args: z.array(text).default([]),
  /** Python only: it may run in a fork of a warm interpreter. Default: the sandbox's `warm`. The first use starts one. */
  warm: z.boolean().optional(),
});

export type ExecOptions<Chunk = string> = Omit<z.input<typeof execSchema>, 'onStdout' | 'onStderr' | 'encoding'> & {
  onStdout?: ((chunk: Chunk) => unknown) | undefined;
  onStderr?: ((chunk: Chunk) => unknown) | undefined;
  encoding?: (Chunk extends string ? 'utf8' : 'buffer') | undefined;
};

export type SpawnOptions = z.input<typeof spawnSchema>;

/** Those with which the command has a `stdin` to write to. */
export type PipedSpawnOptions = SpawnOptions & { stdin?: 'pipe' | undefined };

export type RunCodeOptions<Chunk = string> = ExecOptions<Chunk> & {
  language?: LanguageName | undefined;
  args?: string[] | undefined;
  warm?: boolean | undefined;
};
