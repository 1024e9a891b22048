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

/** A {@link CommandHandle} with a `stdin`. Every `spawn` without `stdin: 'ignore'` returns one. */
export type PipedCommand = CommandHandle & { readonly stdin: Writable };

/** A command that `spawn()` started: its streams, its end, and ways to end it. */
export class CommandHandle implements AsyncDisposable {
  /** Process id inside the sandbox; `undefined` if the command never ran (`wait()` gives the reason). */
  readonly pid: number | undefined;
  /** Standard input; `null` with `stdin: 'ignore'`. */
  readonly stdin: Writable | null;
  /** Standard output, in bytes. */
  readonly stdout: Readable;
  /** Standard error. With `pty` it ends at once, because a terminal has one output. */
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
    target: Pick<SpawnRequest, 'argv' | 'cwd' | 'user' | 'env' | 'program'>,
    options: ResolvedSpawnOptions,
  ): Promise<CommandHandle> {
    const size = options.pty === true ? { cols: 80, rows: 24 } : options.pty;
    const request: SpawnRequest = {
      ...target,
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
    // An unsafe agent is an error here. A program that failed to start is a result, for `wait()`.
    if (pid === undefined) await command.result.catch(throwIfUnsafe);
    return new CommandHandle(command, pid, streams, options.killGraceMs);
  }

  /**
   * Resolves to the result. The output must be read (or `resume()`d): a command whose output is blocked does not end.
   * @throws TaskAbortedError if the signal given to `spawn` fired
   */
  wait(): Promise<CommandResult> {
    return this.#command.result;
  }

  /**
   * Without an argument: terminates the whole process tree (SIGTERM, the grace period, then freeze and SIGKILL) and
   * resolves when it is dead. With a signal name: sends the signal to every process of the tree and resolves at once.
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

  /**
   * Detaches the command: its input is closed, its output is dropped, and it runs until it ends or the sandbox does.
   */
  detach(): void {
    this.#command.stream.detach();
    this.stdout.destroy();
    this.stderr.destroy();
  }

  /** Kills the command if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function throwIfUnsafe(error: unknown): void {
  if (error instanceof RipcordError && error.code === 'agent-unsafe') throw error;
}
