/** One command's stream on the pipe: the frames that the host sends, and the credit that bounds both directions. */

import { type Deferred, deferred } from '../base/abort.js';
import { RipcordError } from '../base/errors.js';
import { MAX_PAYLOAD } from './frame.js';
import {
  type Channel,
  decodeError,
  decodeExit,
  type Exit,
  encodeCredit,
  encodeKill,
  encodeResize,
  Reader,
  Receive,
  Send,
  STDERR,
  STDIN_WINDOW,
  STDOUT,
} from './messages.js';

/** Receives the agent's frames about a command. Chunks are valid only during the call. */
export interface StreamHandlers {
  started(pid: number): void;
  output(channel: Channel, chunk: Buffer): void;
  /** The agent dropped `bytes` at this point. */
  gap(channel: Channel, bytes: number): void;
  eof(channel: Channel): void;
  exit(exit: Exit): void;
  /** The pipe broke before the command's EXIT arrived. */
  lost(): void;
}

export class AgentStream {
  readonly id: number;
  readonly #send: (type: number, payload?: Uint8Array) => void;
  readonly #handlers: StreamHandlers;
  readonly #credit: [stdout: number, stderr: number];
  #stdinCredit = STDIN_WINDOW;
  #stdinRoom: Deferred<void> | undefined;
  #stdinClosed = false;
  #finished = false;

  constructor(
    id: number,
    credit: number,
    handlers: StreamHandlers | ((stream: AgentStream) => StreamHandlers),
    send: (type: number, payload?: Uint8Array) => void,
  ) {
    this.id = id;
    this.#credit = [credit, credit];
    this.#send = send;
    this.#handlers = typeof handlers === 'function' ? handlers(this) : handlers;
  }

  /** True once the command ended or the pipe broke. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Sends `bytes` to the command as its credit allows.
   * @returns false if the command no longer reads, or has ended
   */
  async writeStdin(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      while (this.#stdinCredit === 0 && !this.#stdinClosed && !this.#finished) {
        this.#stdinRoom ??= deferred();
        await this.#stdinRoom.promise;
      }
      if (this.#stdinClosed || this.#finished) return false;
      const size = Math.min(this.#stdinCredit, MAX_PAYLOAD, bytes.length - at);
      this.#stdinCredit -= size;
      this.#send(Send.STDIN, bytes.subarray(at, at + size));
      at += size;
    }
    return !this.#stdinClosed && !this.#finished;
  }

  endStdin(): void {
    if (!this.#stdinClosed && !this.#finished) this.#send(Send.STDIN_EOF);
    this.#stdinClosed = true;
  }

  /** Grants the agent credit for `bytes` more on `channel`. */
  grant(channel: Channel, bytes: number): void {
    if (this.#finished || bytes === 0) return;
    this.#credit[channel - 1]! += bytes;
    this.#send(Send.CREDIT, encodeCredit(channel, bytes));
  }

  /** Sends a signal to the process tree. `signal` 0 terminates it: SIGTERM, grace period, SIGKILL. */
  kill(signal: number, graceMs: number, discardOutput = false): void {
    if (!this.#finished) this.#send(Send.KILL, encodeKill(signal, graceMs, discardOutput));
  }

  resize(cols: number, rows: number): void {
    if (!this.#finished) this.#send(Send.RESIZE, encodeResize(cols, rows));
  }

  detach(): void {
    this.#stdinClosed = true;
    if (!this.#finished) this.#send(Send.DETACH);
  }

  /** @internal Handles one frame from the agent. Throws on a protocol error. */
  receive(type: number, payload: Buffer): void {
    switch (type) {
      case Receive.STDOUT:
        return this.#output(STDOUT, payload);
      case Receive.STDERR:
        return this.#output(STDERR, payload);
      case Receive.STARTED:
        return this.#handlers.started(new Reader(payload).u32());
      case Receive.OUTPUT_EOF:
        return this.#handlers.eof(channelOf(payload));
      case Receive.OUTPUT_GAP: {
        const reader = new Reader(payload);
        reader.u8();
        return this.#handlers.gap(channelOf(payload), reader.u64());
      }
      case Receive.STDIN_CREDIT:
        this.#stdinCredit = Math.min(this.#stdinCredit + new Reader(payload).u32(), STDIN_WINDOW);
        return this.#wakeStdin();
      case Receive.STDIN_CLOSED:
        this.#stdinClosed = true;
        return this.#wakeStdin();
      case Receive.EXIT: {
        const exit = decodeExit(payload);
        this.#finish();
        return this.#handlers.exit(exit);
      }
      case Receive.ERROR: {
        const { code, message } = decodeError(payload);
        throw new RipcordError('protocol', `The agent refused a frame: ${message} (code ${code})`);
      }
      default:
        throw new RipcordError('protocol', `The agent sent a frame of unknown type 0x${type.toString(16)}`);
    }
  }

  /** @internal Called when the pipe has broken. */
  lose(): void {
    if (this.#finished) return;
    this.#finish();
    this.#handlers.lost();
  }

  #output(channel: Channel, payload: Buffer): void {
    // Check the credit: a hostile agent that ignores it could fill the host's memory.
    this.#credit[channel - 1]! -= payload.length;
    if (this.#credit[channel - 1]! < 0)
      throw new RipcordError('protocol', 'The agent sent more output than it was granted');
    this.#handlers.output(channel, payload);
  }

  #finish(): void {
    this.#finished = true;
    this.#wakeStdin();
  }

  #wakeStdin(): void {
    this.#stdinRoom?.resolve();
    this.#stdinRoom = undefined;
  }
}

function channelOf(payload: Buffer): Channel {
  const channel = payload[0];
  if (channel !== STDOUT && channel !== STDERR)
    throw new RipcordError('protocol', 'The agent named an unknown channel');
  return channel;
}
