/** Splits a byte stream into lines of bounded length. */
import { WorkMeter } from '../base/work-meter.js';

export class LineTooLongError extends Error {}

/** Yields each line without its newline. Text after the last newline is dropped, because it is incomplete. */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  meter = new WorkMeter(),
): AsyncGenerator<Buffer> {
  // Start of an incomplete line. The buffer doubles as needed, because chunks may be single bytes.
  let begun = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of stream) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      if (length + end > maxBytes) throw new LineTooLongError();
      yield length === 0 ? rest.subarray(0, end) : Buffer.concat([begun.subarray(0, length), rest.subarray(0, end)]);
      length = 0;
      rest = rest.subarray(end + 1);
      // One chunk may hold thousands of lines, and their reader may never wait.
      if (meter.spend(end + 512)) await meter.rest();
    }
    if (rest.length === 0) continue;
    if (length + rest.length > maxBytes) throw new LineTooLongError();
    if (length + rest.length > begun.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxBytes, 2 * (length + rest.length)));
      begun.copy(larger, 0, 0, length);
      begun = larger;
    }
    rest.copy(begun, length);
    length += rest.length;
  }
}

/** Keeps the last `maxBytes` of a stream, and reads all of it. */
export class Tail {
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(0);
  readonly done: Promise<void>;

  constructor(stream: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.done = this.#read(stream).catch(() => {});
  }

  text(): string {
    return this.#bytes.toString('utf8');
  }

  async #read(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      const all = Buffer.concat([this.#bytes, chunk]);
      this.#bytes = all.length > this.#maxBytes ? Buffer.from(all.subarray(-this.#maxBytes)) : all;
    }
  }
}
