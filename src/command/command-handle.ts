/** A running command: `sandbox.spawn()`. */
import type { Readable, Writable } from 'node:stream';
import type { z } from 'zod';
import { SpawnFlag, type SpawnRequest, STDERR } from '../agent/messages.js';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { signalNumber } from '../base/linux.js';
import { parseOptions } from '../base/parse-options.js';
import { Command, type CommandHost } from './command.js';
import { type spawnSchema, terminalSizeSchema } from './options.js';
import type { CommandResult } from './outcome.js';
import { CommandStreams, STREAM_WINDOW } from './streams.js';

type ResolvedSpawnOptions = z.output<typeof spawnSchema>;

/** A {@link CommandHandle} whose `stdin` is there: of every `spawn` but one with `stdin: 'ignore'`. */
export type PipedCommand = CommandHandle & { readonly stdin: Writable };

/** A command that `spawn()` started: its streams, its end, and ways to end it. */
export class CommandHandle implements AsyncDisposable {
  /** Its pid inside the sandbox; `undefined` when it never ran (`wait()` says why). */
  readonly pid: number | undefined;
  /** `null` with `stdin: 'ignore'`. */
  readonly stdin: Writable | null;
  /** Standard output, in bytes. */
  readonly stdout: Readable;
  /** Ends at once with `pty`: a terminal has one output. */
  readonly stderr: Readable;
  readonly #command: Command;
  readonly #graceMs: number;

  private constructor(command: Command, pid: number | undefined, streams: CommandStreams, graceMs: number) {
    this.#command = command;
    this.#graceMs = graceMs;
    this.pid = pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
  }

  /** @internal */
  static async start(
    host: CommandHost,
    place: Pick<SpawnRequest, 'argv' | 'cwd' | 'user' | 'env' | 'program'>,
    options: ResolvedSpawnOptions,
  ): Promise<CommandHandle> {
    const size = options.pty === true ? { cols: 80, rows: 24 } : options.pty;
    const request: SpawnRequest = {
      ...place,
      flags:
        (options.stdin === 'pipe' ? SpawnFlag.STDIN : 0) |
        (size ? SpawnFlag.PTY : 0) |
        (options.detached ? SpawnFlag.DETACHED : 0),
      timeoutMs: options.timeoutMs ?? 0,
      graceMs: options.killGraceMs,
      drainMs: options.drainMs,
      head: undefined,
      tail: 0,
      killAtBytes: 0,
      credit: STREAM_WINDOW,
      cols: size ? size.cols : 0,
      rows: size ? size.rows : 0,
    };
    const streams = new CommandStreams(options.stdin === 'pipe');
    const command = new Command(host, request, streams, options.signal);
    streams.connect(command.stream);
    if (size) streams.eof(STDERR);
    const pid = await command.started;
    // Not to be had at all is an error; that it failed to run is a result, for `wait()`.
    if (pid === undefined) await command.result.catch(throwIfUnsafe);
    return new CommandHandle(command, pid, streams, options.killGraceMs);
  }

  /**
   * How it ended. Its output must be read (or `resume()`d) for the end to come: a command that cannot write waits.
   * @throws TaskAbortedError when the signal given to `spawn` fired.
   */
  wait(): Promise<CommandResult> {
    return this.#command.result;
  }

  /**
   * Without an argument: ends the whole process tree (SIGTERM, the grace, then freeze and SIGKILL) and resolves when it
   * is dead. With a signal's name: sends it to every process of the tree and resolves at once.
   */
  async kill(signal?: string): Promise<void> {
    if (signal === undefined) {
      this.#command.kill(this.#graceMs, true);
      await this.#command.result.catch(() => {});
      return;
    }
    const number = signalNumber(signal);
    if (number === undefined)
      throw new InvalidOptionsError(`kill: unknown signal '${signal}', expected e.g. 'SIGTERM'`);
    this.#command.stream.kill(number, 0);
  }

  /**
   * Sets the terminal's size.
   * @throws InvalidOptionsError unless both are whole numbers from 1 to 65,535.
   */
  resize(cols: number, rows: number): void {
    parseOptions(terminalSizeSchema, { cols, rows }, 'resize');
    this.#command.stream.resize(cols, rows);
  }

  /** Lets go of it: it runs on with its input closed and its output dropped, until it ends or the sandbox does. */
  detach(): void {
    this.#command.stream.detach();
    this.stdout.destroy();
    this.stderr.destroy();
  }

  /** Kills it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function throwIfUnsafe(error: unknown): void {
  if (error instanceof RipcordError && error.code === 'agent-unsafe') throw error;
}
