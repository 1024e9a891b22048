/** One channel of a command's output, as far as it is kept: its first bytes, its last, and where they belong. */
import { headBytes, OutputBuffer } from '../command/output-buffer.js';

/** A piece of the output. `offset` is where it really begins: past a gap, when the asked-for bytes were not kept. */
interface OutputPiece {
  bytes: Buffer;
  offset: number;
  nextOffset: number;
}

export class KeptOutput {
  readonly #kept: OutputBuffer;

  constructor(maxBytes: number) {
    this.#kept = new OutputBuffer(maxBytes);
  }

  /**
   * What `exec` kept of a channel within the same limit.
   * @param totalBytes All the command wrote there.
   */
  static of(bytes: Uint8Array, totalBytes: number, maxBytes: number): KeptOutput {
    const kept = new KeptOutput(maxBytes);
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    kept.push(all.subarray(0, headBytes(maxBytes)));
    kept.#kept.skip(totalBytes - all.length);
    kept.push(all.subarray(headBytes(maxBytes)));
    return kept;
  }

  /** Copies what it keeps of `chunk`. */
  push(chunk: Buffer): void {
    this.#kept.push(chunk);
  }

  /** All there was, kept or not. */
  get totalBytes(): number {
    return this.#kept.totalBytes;
  }

  /** What is held in memory. */
  get heldBytes(): number {
    return this.#kept.totalBytes - this.#kept.omittedBytes;
  }

  read(offset: number, maxBytes: number): OutputPiece {
    const asked = Math.min(offset, this.totalBytes);
    const { missing, bytes } = this.#kept.since(asked);
    // The head ends here. Without a gap the tail follows.
    const next = this.#kept.since(asked + missing + bytes.length);
    const all = next.missing === 0 ? Buffer.concat([bytes, next.bytes]) : bytes;
    const piece = all.subarray(0, maxBytes);
    return { bytes: piece, offset: asked + missing, nextOffset: asked + missing + piece.length };
  }

  /** The last bytes. */
  end(maxBytes: number): OutputPiece {
    return this.read(Math.max(0, this.totalBytes - maxBytes), maxBytes);
  }
}
