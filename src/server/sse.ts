/** Server-sent events over a stream with backpressure. */
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Interval of comments in milliseconds. Proxies close idle connections; clients ignore a comment. */
const COMMENT_MS = 15_000;
const EVENT_STREAM = 'text/event-stream';

export class SseStream extends PassThrough {
  readonly #timer: NodeJS.Timeout;

  constructor() {
    super();
    this.#timer = setInterval(() => {
      if (!this.writableNeedDrain && this.writable) this.write(': still here\n\n');
    }, COMMENT_MS);
    this.once('close', () => clearInterval(this.#timer));
  }

  /** Sends an event. Resolves when there is room for more, and at once if the reader is gone. */
  event(name: string | undefined, json: string, id?: number): Promise<void> | undefined {
    if (!this.writable) return undefined;
    const head = `${id === undefined ? '' : `id: ${id}\n`}${name === undefined ? '' : `event: ${name}\n`}`;
    if (this.write(`${head}data: ${json}\n\n`)) return undefined;
    return new Promise((resolve) => {
      const settle = () => {
        this.off('drain', settle).off('close', settle);
        resolve();
      };
      this.on('drain', settle).on('close', settle);
    });
  }
}

/** Sets the header fields of an event stream. */
export function sseHeaders(reply: FastifyReply): void {
  reply.headers({ 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
}

/** Returns true if the client accepts an event stream instead of one answer. */
export const wantsEvents = (accept: string | undefined): boolean => accept?.includes(EVENT_STREAM) ?? false;
