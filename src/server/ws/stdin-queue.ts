/** Queues stdin for a command. Without the queue, the socket would be paused and an abort behind the input not be read. */
import { RipcordError } from '../../base/errors.js';
import { STDIN_OVERHEAD } from '../../wire/channels.js';

export class StdinQueue {
  readonly #max: number;
  readonly #taken: (bytes: number) => void;
  readonly #chunks: Buffer[] = [];
  /** Queued bytes, including the overhead of each chunk. */
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param taken Called with the number of bytes that the command has read, so that the client can send more. */
  constructor(maxBytes: number, taken: (bytes: number) => void) {
    this.#max = maxBytes;
    this.#taken = taken;
  }

  /** @throws RipcordError `too-large` for a client that does not wait */
  push(bytes: Buffer): void {
    if (this.#ended || bytes.length === 0) return;
    const cost = bytes.length + STDIN_OVERHEAD;
    if (this.#bytes + cost > this.#max) {
      throw new RipcordError('too-large', `More than ${this.#max} bytes of stdin wait for the command to read them`, {
        hint: 'Wait for stdin_ack messages.',
      });
    }
    this.#chunks.push(bytes);
    this.#bytes += cost;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
        this.#bytes -= chunk.length + STDIN_OVERHEAD;
        this.#taken(chunk.length);
        continue;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
