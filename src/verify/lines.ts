/** A byte stream as lines of bounded length. */

export class LineTooLongError extends Error {}

/** Each line without its newline; what comes after the last newline is dropped, because it is not whole. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      parts.push(rest.subarray(0, end));
      if (length + end > maxBytes) throw new LineTooLongError();
      const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = [];
      length = 0;
      yield line;
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) continue;
    parts.push(rest);
    length += rest.length;
    if (length > maxBytes) throw new LineTooLongError();
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
