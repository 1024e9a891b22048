/** A running command on a server, with its streams. */
import { Readable, Writable } from 'node:stream';
import { InvalidOptionsError } from '../base/errors.js';
import { signalNumber } from '../base/linux.js';
import { parseOptions } from '../base/parse-options.js';
import { terminalSizeSchema } from '../command/options.js';
import type { CommandResult } from '../command/outcome.js';
import type { AnyCommand } from '../sandbox/any-sandbox.js';
import type { ChannelName } from '../wire/fields.js';
import { CommandSocket, WINDOW_BYTES } from './command-socket.js';
import type { Transport } from './transport.js';

export class RemoteCommand implements AnyCommand {
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #socket: CommandSocket<CommandResult>;
  /** Received bytes that are not acknowledged yet. */
  readonly #owed = { stdout: 0, stderr: 0 };
  #pid: number | undefined;

  private constructor(transport: Transport, path: string, begin: { stdin: boolean }, signal: AbortSignal | undefined) {
    this.stdout = this.#readable('stdout');
    this.stderr = this.#readable('stderr');
    this.#socket = new CommandSocket(
      transport,
      path,
      { ...begin, type: 'start' },
      {
        signal,
        text: true,
        what: 'running a command',
        output: (channel, bytes) => {
          const readable = this[channel];
          this.#owed[channel] += bytes.length;
          if (readable.destroyed || readable.push(bytes)) this.#grant(channel);
        },
      },
    );
    this.stdin = begin.stdin ? this.#writable() : null;
    const end = () => {
      for (const readable of [this.stdout, this.stderr]) if (!readable.destroyed) readable.push(null);
    };
    this.#socket.result.then(end, end);
  }

  /** Starts a command. @throws the error with which the server refuses it */
  static async start(
    transport: Transport,
    path: string,
    begin: { stdin: boolean },
    signal: AbortSignal | undefined,
  ): Promise<RemoteCommand> {
    const command = new RemoteCommand(transport, path, begin, signal);
    command.#pid = await command.#socket.started;
    return command;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  wait(): Promise<CommandResult> {
    return this.#socket.result;
  }

  async kill(signal?: string): Promise<void> {
    if (signal !== undefined && signalNumber(signal) === undefined) {
      throw new InvalidOptionsError(`kill: unknown signal '${signal}', expected e.g. 'SIGTERM'`);
    }
    this.#socket.kill(signal);
    if (signal !== undefined) return;
    // Drain the output: unread output would delay the result.
    this.stdout.resume();
    this.stderr.resume();
    await this.#socket.result.catch(() => {});
  }

  resize(cols: number, rows: number): void {
    parseOptions(terminalSizeSchema, { cols, rows }, 'resize');
    this.#socket.resize(cols, rows);
  }

  detach(): void {
    this.#socket.detach();
    this.stdout.destroy();
    this.stderr.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #grant(channel: ChannelName): void {
    const owed = this.#owed[channel];
    this.#owed[channel] = 0;
    if (owed > 0) this.#socket.acknowledge(channel, owed);
  }

  #readable(channel: ChannelName): Readable {
    return new Readable({
      highWaterMark: WINDOW_BYTES / 2,
      read: () => this.#grant(channel),
      // A reader that stops must not block the command: acknowledge and drop later output.
      destroy: (error, done) => {
        this.#grant(channel);
        done(error);
      },
    });
  }

  #writable(): Writable {
    const gone = () => Object.assign(new Error('The command does not read its input any more'), { code: 'EPIPE' });
    const writable = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#socket.write(chunk).then((taken) => done(taken ? null : gone()), done);
      },
      final: (done) => {
        this.#socket.endInput().then(() => done(), done);
      },
    });
    // Without a listener, writing to a command that has ended would crash the process.
    writable.on('error', () => {});
    return writable;
  }
}
