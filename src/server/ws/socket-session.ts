/** One WebSocket of a caller: JSON messages, backpressure, and detection of a dead peer. */
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { parseOptions } from '../../base/parse-options.js';
import { refusalOf } from '../../http/error-status.js';
import type { Patience } from '../options.js';

/** Close codes: RFC 6455 §7.4.1 and the IANA registry of WebSocket close codes. */
export const CloseCode = { NORMAL: 1000, GOING_AWAY: 1001, POLICY: 1008, INTERNAL: 1011, TRY_AGAIN: 1013 } as const;

type Data = string | Buffer;

/** @template Sent Messages to the peer, besides errors. */
export class SocketSession<Sent extends object> {
  readonly #socket: WebSocket;
  readonly #patience: Patience;
  readonly #gone = new AbortController();
  readonly #pings: NodeJS.Timeout;
  #answered = true;

  constructor(socket: WebSocket, patience: Patience) {
    this.#socket = socket;
    this.#patience = patience;
    const markAlive = () => {
      this.#answered = true;
    };
    // Any message counts, not only a pong: a pong waits behind earlier messages, which a slow reader may take long to read.
    socket.on('pong', markAlive).on('message', markAlive);
    // Ping the peer: a half-open connection is detected only by a missing answer.
    this.#pings = setInterval(() => this.#ping(), patience.pingMs);
    socket.once('close', () => {
      clearInterval(this.#pings);
      this.#gone.abort(new Error('the socket was closed'));
    });
  }

  /** Signal that fires when the socket is closed by either side. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Sends a message. Resolves when there is room for more. A peer that reads nothing for too long is disconnected. */
  async send(data: Data): Promise<void> {
    if (!this.open) return;
    const { pauseBytes, closeBytes } = this.#patience;
    const unsent = this.#socket.bufferedAmount;
    // Count only the unsent bytes before this message: a result with its output may itself be longer than the limit.
    if (unsent >= closeBytes) return this.cut();
    const waiting = unsent + data.length > pauseBytes;
    const sent = new Promise<void>((resolve) => {
      this.#socket.send(data, () => resolve());
      if (!waiting) resolve();
    });
    if (!waiting) return;
    const timer = setTimeout(() => this.cut(), this.#patience.stallMs);
    try {
      await sent;
    } finally {
      clearTimeout(timer);
    }
  }

  json(message: Sent): Promise<void> {
    return this.send(JSON.stringify(message));
  }

  /** Sends an error. The socket stays open. */
  error(error: unknown): Promise<void> {
    return this.send(JSON.stringify({ type: 'error', error: refusalOf(error).document.error }));
  }

  close(code: number = CloseCode.NORMAL, reason = ''): void {
    if (!this.open) return;
    this.#socket.close(code, reason);
  }

  /** Disconnects a peer that does not keep up, and drops its buffered messages. */
  cut(): void {
    this.#socket.terminate();
  }

  /**
   * Calls `take` with each message, in order. A message that does not match the schema is answered with an error and ends
   * the session, because the client does not follow the protocol.
   */
  onMessage<S extends z.ZodType>(
    schema: S,
    take: (message: z.output<S>) => void,
    takeBytes?: (bytes: Buffer) => void,
    { hello: expected = true } = {},
  ): void {
    const late = () => {
      void this.error(new RipcordError('too-slow', 'The first message did not arrive in time'));
      this.close(CloseCode.POLICY, 'no first message');
    };
    const hello = expected ? setTimeout(late, this.#patience.helloMs) : undefined;
    this.gone.addEventListener('abort', () => clearTimeout(hello), { once: true });
    this.#socket.on('message', (data: Buffer, binary: boolean) => {
      clearTimeout(hello);
      try {
        if (binary) {
          if (!takeBytes) throw new RipcordError('malformed', 'This socket takes text only');
          takeBytes(data);
        } else take(parseOptions(schema, parseJson(data), 'message'));
      } catch (error) {
        void this.error(error);
        this.close(CloseCode.POLICY, 'a message was not valid');
      }
    });
  }

  #ping(): void {
    // A paused socket is not read, so a missing answer is not the fault of the peer. It counts from the next ping on.
    if (!this.#answered && !this.#socket.isPaused) return this.cut();
    this.#answered = this.#socket.isPaused;
    if (this.open) this.#socket.ping();
  }
}

function parseJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch (cause) {
    throw new RipcordError('malformed', 'A message is not JSON', { cause });
  }
}
