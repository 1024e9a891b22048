/** One channel of a command's output, as far as it is kept: its first bytes, its last, and where they belong. */
import { headBytes } from '../command/output-buffer.js';

/** A piece of the output. `offset` is where it really begins: past a gap, when the asked-for bytes were not kept. */
export interface OutputPiece {
  bytes: Buffer;
  offset: number;
  nextOffset: number;
}

export class KeptOutput {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  readonly #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#headLimit = headBytes(maxBytes);
    this.#tailLimit = maxBytes - this.#headLimit;
  }

  /**
   * What `exec` kept of a channel within the same limit.
   * @param totalBytes All the command wrote there.
   */
  static of(bytes: Uint8Array, totalBytes: number, maxBytes: number): KeptOutput {
    const kept = new KeptOutput(maxBytes);
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    kept.push(all.subarray(0, kept.#headLimit));
    kept.#total += totalBytes - all.length;
    kept.push(all.subarray(kept.#headLimit));
    return kept;
  }

  /** Keeps `chunk` itself: nobody may write to it afterwards. */
  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const head = chunk.subarray(0, this.#headLimit - this.#headBytes);
    if (head.length > 0) this.#head.push(head);
    this.#headBytes += head.length;
    const tail = chunk.subarray(head.length);
    if (tail.length > 0) this.#tail.push(tail);
    this.#tailBytes += tail.length;
    while (this.#tail.length > 0 && this.#tailBytes - this.#tail[0]!.length >= this.#tailLimit) {
      this.#tailBytes -= this.#tail.shift()!.length;
    }
  }

  /** All there was, kept or not. */
  get totalBytes(): number {
    return this.#total;
  }

  /** What is held in memory. */
  get heldBytes(): number {
    return this.#headBytes + this.#tailBytes;
  }

  read(offset: number, maxBytes: number): OutputPiece {
    const tailAt = this.#total - this.#tailBytes;
    const inHead = offset < this.#headBytes;
    const from = Math.min(inHead ? offset : Math.max(offset, tailAt), this.#total);
    const held = inHead ? [...this.#head, ...(tailAt === this.#headBytes ? this.#tail : [])] : this.#tail;
    const start = from - (inHead ? 0 : tailAt);
    const bytes = Buffer.concat(held).subarray(start, start + maxBytes);
    return { bytes, offset: from, nextOffset: from + bytes.length };
  }

  /** The last bytes. */
  end(maxBytes: number): OutputPiece {
    return this.read(Math.max(0, this.#total - maxBytes), maxBytes);
  }
}
