/** Server-sent events over a stream that the reader's pace governs. */
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Proxies cut what is silent; a comment is no event. */
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

  /** Resolves when there is room for more; at once where nobody reads any more. */
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

/** Sets the fields of an event stream. */
export function sseHeaders(reply: FastifyReply): void {
  reply.headers({ 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
}

/** Whether the client asked for events rather than one answer. */
export const wantsEvents = (accept: string | undefined): boolean => accept?.includes(EVENT_STREAM) ?? false;
