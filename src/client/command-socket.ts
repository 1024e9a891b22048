/** Runs one command over a WebSocket: its input, its output by channel, its result. */
import type { WebSocket } from 'ws';
import { type Deferred, deferred, onAbort } from '../base/abort.js';
import { EngineLostError, type RipcordError, SandboxLostError, TaskAbortedError } from '../base/errors.js';
import { STDIN_OVERHEAD, STDOUT } from '../wire/channels.js';
import { fromErrorDocument } from '../wire/errors.js';
import type { ChannelName } from '../wire/fields.js';
import type { ExecAnswer } from '../wire/messages.js';
import { openSocket } from './open-socket.js';
import type { Transport } from './transport.js';

/** Flow-control window: unacknowledged output bytes per channel, and input bytes that the command has not read. */
export const WINDOW_BYTES = 1024 * 1024;
/** Bytes after which output is acknowledged. */
const ACK_BYTES = WINDOW_BYTES / 4;
/** Maximum bytes of one stdin message, below the message limit of the server. */
const MAX_MESSAGE = 256 * 1024;
/** Time for the server to confirm an abort. */
const ABORT_ANSWER_MS = 10_000;

export interface CommandSocketOptions {
  signal: AbortSignal | undefined;
  /** Called with output. The callee calls `acknowledge` once it has room for as many bytes again. */
  output(channel: ChannelName, bytes: Buffer): void;
  /** True if the output in a partial result is text. */
  text: boolean;
  what: string;
}

export class CommandSocket<Result> {
  readonly #socket: WebSocket;
  readonly #options: CommandSocketOptions;
  readonly #started = deferred<number | undefined>();
  readonly #result: Deferred<Result> = deferred();
  readonly #owed = { stdout: 0, stderr: 0 };
  readonly #unlisten: () => void;
  #unread = 0;
  #room: (() => void) | undefined;
  #abortTimer: NodeJS.Timeout | undefined;
  #settled = false;

  constructor(transport: Transport, path: string, begin: object, options: CommandSocketOptions) {
    this.#options = options;
    this.#socket = openSocket(transport, path);
    this.#socket.once('open', () => this.#send({ ...begin, window: WINDOW_BYTES }));
    this.#socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) options.output(data[0] === STDOUT ? 'stdout' : 'stderr', data.subarray(1));
      else this.#take(JSON.parse(data.toString('utf8')) as ExecAnswer);
    });
    this.#socket.on('error', (error) => this.#fail(transport.lost(options.what, error)));
    this.#socket.once('close', (code) =>
      this.#fail(transport.lost(options.what, new Error(`the socket was closed (${code})`))),
    );
    this.#socket.on('unexpected-response', (_, response) => {
      void transport.refused(response, options.what).then((error) => this.#fail(error));
    });
    this.#unlisten = onAbort(options.signal, () => this.abort());
  }

  /** Resolves to the pid inside the sandbox; undefined for a command that never ran. */
  get started(): Promise<number | undefined> {
    return this.#started.promise;
  }

  get result(): Promise<Result> {
    return this.#result.promise;
  }

  get settled(): boolean {
    return this.#settled;
  }

  acknowledge(channel: ChannelName, bytes: number): void {
    this.#owed[channel] += bytes;
    if (this.#owed[channel] < ACK_BYTES) return;
    this.#send({ type: 'ack', channel, bytes: this.#owed[channel] });
    this.#owed[channel] = 0;
  }

  /** Sends input. Resolves once there is room for more, with false if the command has ended. */
  async write(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += MAX_MESSAGE) {
      await this.#opened();
      while (this.#unread >= WINDOW_BYTES && !this.#settled) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
      if (this.#settled) return false;
      const part = bytes.subarray(at, at + MAX_MESSAGE);
      this.#unread += part.length + STDIN_OVERHEAD;
      this.#socket.send(part, { binary: true });
    }
    return true;
  }

  async endInput(): Promise<void> {
    await this.#opened();
    this.#send({ type: 'stdin_end' });
  }

  kill(signal?: string): void {
    this.#send({ type: 'kill', ...(signal !== undefined && { signal }) });
  }

  resize(cols: number, rows: number): void {
    this.#send({ type: 'resize', cols, rows });
  }

  detach(): void {
    this.#send({ type: 'detach' });
    this.#socket.close();
  }

  /** Asks the server to kill the tree. Without a confirmation, closes the connection, which kills the tree as well. */
  abort(): void {
    if (this.#settled || this.#abortTimer) return;
    const { what, signal } = this.#options;
    const unconfirmed = () => {
      this.#fail(
        new TaskAbortedError(`Aborted while ${what}`, { cause: signal?.reason, details: { confirmed: false } }),
      );
    };
    this.#abortTimer = setTimeout(unconfirmed, ABORT_ANSWER_MS);
    if (this.#socket.readyState === this.#socket.CONNECTING) unconfirmed();
    else this.#send({ type: 'abort' });
  }

  #take(message: ExecAnswer): void {
    switch (message.type) {
      case 'started':
        this.#started.resolve(message.pid);
        return;
      case 'stdin_ack':
        // Each stdin message gets one acknowledgement.
        this.#unread -= message.bytes + STDIN_OVERHEAD;
        this.#makeRoom();
        return;
      case 'result':
        this.#settle(() => this.#result.resolve(message.result as Result));
        return;
      case 'error':
        this.#fail(fromErrorDocument(message, this.#options.text));
        return;
      default:
    }
  }

  #fail(error: RipcordError): void {
    if (error instanceof TaskAbortedError && error.cause === undefined) error.cause = this.#options.signal?.reason;
    this.#settle(() => {
      this.#result.reject(error);
      // If the command began, it has ended with this error. If not, starting it has failed.
      if (isCommandEnd(error)) this.#started.resolve(undefined);
      else this.#started.reject(error);
    });
  }

  #settle(how: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#abortTimer);
    this.#unlisten();
    how();
    this.#started.resolve(undefined);
    this.#makeRoom();
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.close();
    else this.#socket.terminate();
  }

  #makeRoom(): void {
    this.#room?.();
    this.#room = undefined;
  }

  async #opened(): Promise<void> {
    if (this.#socket.readyState !== this.#socket.CONNECTING) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('open', () => resolve());
      this.#socket.once('close', () => resolve());
    });
  }

  #send(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

const isCommandEnd = (error: RipcordError): boolean =>
  (error instanceof TaskAbortedError || error instanceof SandboxLostError || error instanceof EngineLostError) &&
  error.partial !== undefined;
