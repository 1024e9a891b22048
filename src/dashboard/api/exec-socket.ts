/** Runs one command in a sandbox over a WebSocket: live output, input, result. */
import type { Failure } from '../state/notices.js';
import { openSocket } from './socket.js';
import type { Channel, CommandResult, ExecAnswer, StartRequest } from './types.js';

export interface ExecHandlers {
  /** Called with output. The handler calls `ack` once it has processed it. */
  output(channel: Channel, data: Uint8Array): void;
  /** Called once, at the end, with the result or the error. */
  ended(end: ExecEnd): void;
}

export interface ExecEnd {
  result?: CommandResult;
  error?: Failure;
}

/**
 * Maximum bytes of unacknowledged output. The WebSocket of a browser has no backpressure, so the server pauses the command
 * at this limit.
 */
const WINDOW_BYTES = 1024 * 1024;
/** Channels by the first byte of a binary message. */
const CHANNELS: Record<number, Channel> = { 1: 'stdout', 2: 'stderr' };
const STDIN_PIECE_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export class ExecSocket {
  readonly #socket: WebSocket;
  /** Messages from before the connection was open. */
  #waiting: (string | Uint8Array<ArrayBuffer>)[] = [];
  #ended = false;

  constructor(sandbox: string, request: StartRequest, handlers: ExecHandlers) {
    const end = (how: ExecEnd) => {
      if (this.#ended) return;
      this.#ended = true;
      handlers.ended(how);
      this.#socket.close();
    };
    this.#socket = openSocket(`/v1/sandboxes/${encodeURIComponent(sandbox)}/exec`);
    this.#socket.onopen = () => {
      this.#send({ type: 'start', stdin: false, ...request, window: WINDOW_BYTES });
      for (const data of this.#waiting) this.#socket.send(data);
      this.#waiting = [];
    };
    this.#socket.onclose = () =>
      end({ error: { message: 'The connection to the server broke; the command was ended.' } });
    this.#socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.#ended) return;
      if (typeof data !== 'string') {
        const channel = CHANNELS[new DataView(data).getUint8(0)];
        if (channel) handlers.output(channel, new Uint8Array(data, 1));
        return;
      }
      const message = JSON.parse(data) as ExecAnswer;
      if (message.type === 'result') end({ result: message.result });
      else if (message.type === 'error') end({ error: message.error });
    };
  }

  ack(channel: Channel, bytes: number): void {
    this.#send({ type: 'ack', channel, bytes });
  }

  write(data: string | Uint8Array<ArrayBuffer>): void {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    // Split a long paste: the server limits the size of a message.
    for (let at = 0; at < bytes.length; at += STDIN_PIECE_BYTES) {
      this.#transmit(bytes.subarray(at, at + STDIN_PIECE_BYTES));
    }
  }

  resize(cols: number, rows: number): void {
    this.#send({ type: 'resize', cols, rows });
  }

  kill(): void {
    this.#send({ type: 'kill' });
  }

  /** Closes the socket. The server then kills the command. */
  close(): void {
    this.#ended = true;
    this.#socket.close();
  }

  #send(message: object): void {
    this.#transmit(JSON.stringify(message));
  }

  #transmit(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data);
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(data);
  }
}
