/** A piece of an output. `offset` is where it begins: past a gap if the asked-for bytes were not kept. */
export interface KeptPiece {
  bytes: Buffer;
  offset: number;
  nextOffset: number;
}

/**
 * Keeps the head and the tail of one output channel up to a limit, and counts the rest. Memory grows with the kept
 * output, up to the limit.
 */
export class OutputBuffer {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  /** One block for all chunks: a Buffer for each would take a hundred times the memory of a chunk of one byte. */
  #head = Buffer.alloc(0);
  #headBytes = 0;
  /** Ring buffer of the last bytes, created when the head is full. */
  #ring: Buffer | undefined;
  #ringAt = 0;
  #ringBytes = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#headLimit = headBytes(maxBytes);
    this.#tailLimit = maxBytes - this.#headLimit;
  }

  /**
   * Returns the buffer of a channel that was cut within the same limit before it came here, as `exec` does.
   * @param totalBytes Bytes that the command wrote there.
   */
  static of(bytes: Uint8Array, totalBytes: number, maxBytes: number): OutputBuffer {
    const buffer = new OutputBuffer(maxBytes);
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    buffer.push(all.subarray(0, headBytes(maxBytes)));
    buffer.skip(totalBytes - all.length);
    buffer.push(all.subarray(headBytes(maxBytes)));
    return buffer;
  }

  /** Adds a chunk. The kept part is copied. */
  push(chunk: Buffer): void {
    this.#total += chunk.length;
    let rest = chunk;
    if (this.#headBytes < this.#headLimit) {
      const kept = rest.subarray(0, this.#headLimit - this.#headBytes);
      this.#pushHead(kept);
      rest = rest.subarray(kept.length);
    }
    if (rest.length > 0) this.#pushTail(rest);
  }

  /** Counts `bytes` that the agent dropped at this point. */
  skip(bytes: number): void {
    this.#total += bytes;
  }

  /** Number of all bytes, kept or not. */
  get totalBytes(): number {
    return this.#total;
  }

  get omittedBytes(): number {
    return this.#total - this.#headBytes - this.#ringBytes;
  }

  get truncated(): boolean {
    return this.omittedBytes > 0;
  }

  /** Bytes in memory. */
  get heldBytes(): number {
    return this.#headBytes + this.#ringBytes;
  }

  /** Copies what is kept from `offset` on: at most `maxBytes`, and no further than a gap. */
  read(offset: number, maxBytes = Number.POSITIVE_INFINITY): KeptPiece {
    const asked = Math.min(offset, this.#total);
    const tailAt = this.#total - this.#ringBytes;
    const at = asked < this.#headBytes ? asked : Math.max(asked, tailAt);
    // Without a gap the tail follows the head.
    const kept = [this.#kept(), ...(this.truncated && at < this.#headBytes ? [] : this.#tail())];
    let skip = at < this.#headBytes ? at : this.#headBytes + at - tailAt;
    let left = maxBytes;
    const pieces = kept.map((piece) => {
      const part = piece.subarray(skip, skip + left);
      skip = Math.max(0, skip - piece.length);
      left -= part.length;
      return part;
    });
    const bytes = Buffer.concat(pieces);
    return { bytes, offset: at, nextOffset: at + bytes.length };
  }

  /** The last bytes. */
  end(maxBytes: number): KeptPiece {
    return this.read(Math.max(0, this.#total - maxBytes), maxBytes);
  }

  /** Returns the kept output, head and tail together. */
  bytes(): Buffer {
    return this.#ring === undefined ? this.#kept() : Buffer.concat([this.#kept(), ...this.#tail()]);
  }

  /**
   * Returns the kept output as UTF-8, with a line at the gap that gives the number of missing bytes. No character is
   * split there.
   */
  text(): string {
    if (!this.truncated) return decode(this.bytes());
    const head = this.#kept();
    const tail = Buffer.concat(this.#tail());
    const from = leadingContinuation(tail);
    const to = head.length - trailingPartial(head);
    const omitted = this.omittedBytes + from + (head.length - to);
    return `${decode(head.subarray(0, to))}\n[... ${omitted} bytes left out ...]\n${decode(tail.subarray(from))}`;
  }

  #kept(): Buffer {
    return this.#head.subarray(0, this.#headBytes);
  }

  #pushHead(bytes: Buffer): void {
    const size = this.#headBytes + bytes.length;
    if (size > this.#head.length) {
      // A single chunk gets a block of its exact size.
      const grown = Buffer.allocUnsafe(Math.min(this.#headLimit, Math.max(size, 2 * this.#head.length)));
      this.#kept().copy(grown);
      this.#head = grown;
    }
    bytes.copy(this.#head, this.#headBytes);
    this.#headBytes = size;
  }

  #pushTail(bytes: Buffer): void {
    if (this.#tailLimit === 0) return;
    const ring = (this.#ring ??= Buffer.allocUnsafeSlow(this.#tailLimit));
    const kept = bytes.length > ring.length ? bytes.subarray(bytes.length - ring.length) : bytes;
    const first = kept.copy(ring, this.#ringAt);
    if (first < kept.length) kept.copy(ring, 0, first);
    this.#ringAt = (this.#ringAt + kept.length) % ring.length;
    this.#ringBytes = Math.min(ring.length, this.#ringBytes + kept.length);
  }

  #tail(): Buffer[] {
    if (!this.#ring) return [];
    if (this.#ringBytes < this.#ring.length) return [this.#ring.subarray(0, this.#ringBytes)];
    return [this.#ring.subarray(this.#ringAt), this.#ring.subarray(0, this.#ringAt)];
  }
}

/** Returns the head's share of a limit. The rest is the tail's. */
export const headBytes = (maxBytes: number): number => Math.ceil(maxBytes / 2);

// ignoreBOM keeps a byte order mark, because the program wrote it. One decoder is shared: creating one costs more than
// decoding the output of most commands, and without `stream` it keeps no state.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decode = (bytes: Uint8Array): string => (bytes.length === 0 ? '' : decoder.decode(bytes));

/** Counts continuation bytes (10xxxxxx) at the start: the end of a split character. */
function leadingContinuation(bytes: Uint8Array): number {
  let count = 0;
  while (count < 3 && count < bytes.length && (bytes[count]! & 0xc0) === 0x80) count++;
  return count;
}

/** Counts bytes at the end that begin a character without finishing it. */
function trailingPartial(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
