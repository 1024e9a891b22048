/** One WebSocket of a caller: messages as JSON, a reader's pace that is respected, and an end that is noticed. */
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { parseOptions } from '../../base/parse-options.js';
import { refusalOf } from '../../http/error-status.js';
import type { Patience } from '../options.js';

/** RFC 6455 §7.4.1, and the registry it began. */
export const CloseCode = { NORMAL: 1000, GOING_AWAY: 1001, POLICY: 1008, INTERNAL: 1011, TRY_AGAIN: 1013 } as const;

type Data = string | Buffer;

/** @template Sent The messages that go to the peer, besides errors. */
export class SocketSession<Sent extends object> {
  readonly #socket: WebSocket;
  readonly #patience: Patience;
  readonly #gone = new AbortController();
  readonly #pings: NodeJS.Timeout;
  #answered = true;

  constructor(socket: WebSocket, patience: Patience) {
    this.#socket = socket;
    this.#patience = patience;
    const heard = () => {
      this.#answered = true;
    };
    // A pong comes behind the messages sent before it, which may take a slow reader long.
    socket.on('pong', heard).on('message', heard);
    // A half-open connection looks alive until something is asked of it.
    this.#pings = setInterval(() => this.#ping(), patience.pingMs);
    socket.once('close', () => {
      clearInterval(this.#pings);
      this.#gone.abort(new Error('the socket was closed'));
    });
  }

  /** Fires when the socket is closed, by whomever. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Sends, and resolves when there is room for more. A peer that takes nothing for too long is cut off. */
  async send(data: Data): Promise<void> {
    if (!this.open) return;
    const { pauseBytes, closeBytes } = this.#patience;
    const unsent = this.#socket.bufferedAmount;
    // What it would wait behind counts, not itself: a result with its output may be longer than the limit.
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

  /** Tells what went wrong; the socket stays open. */
  error(error: unknown): Promise<void> {
    return this.send(JSON.stringify({ type: 'error', error: refusalOf(error).document.error }));
  }

  close(code: number = CloseCode.NORMAL, reason = ''): void {
    if (!this.open) return;
    this.#socket.close(code, reason);
  }

  /** For peers that do not keep up: what is buffered for them is let go. */
  cut(): void {
    this.#socket.terminate();
  }

  /**
   * Hands each message to `take`, in order. One that does not fit the schema is answered and ends the session: a client
   * that is wrong about the protocol is not served by guessing.
   */
  onMessage<S extends z.ZodType>(
    schema: S,
    take: (message: z.output<S>) => void,
    takeBytes?: (bytes: Buffer) => void,
    { hello: expected = true } = {},
  ): void {
    const late = () => {
      void this.error(new RipcordError('too-slow', 'The first message did not come in time'));
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
        this.close(CloseCode.POLICY, 'a message was not understood');
      }
    });
  }

  #ping(): void {
    // Nothing is read from a peer that is too fast: its silence is ours, and counts from the next ping on.
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
