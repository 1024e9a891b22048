/**
 * Parses Docker's framing of an attached container without a terminal: `u8 channel · 3 × 0 · u32 length (big-endian) ·
 * bytes`. It is iterative and does not buffer: payload is passed on in slices as it arrives. (docker-modem's own
 * demuxer recurses for every frame: 5,000 one-byte frames in a chunk overflow the stack. It does not have backpressure
 * either.)
 */
import { RipcordError } from '../../base/errors.js';

const HEADER = 8;

export class StdcopyParser {
  readonly #onBytes: (channel: 1 | 2, bytes: Buffer) => void;
  readonly #header = Buffer.alloc(HEADER);
  #headerFilled = 0;
  #channel: 1 | 2 = 1;
  /** Number of payload bytes of the current frame still to come. */
  #left = 0;

  constructor(onBytes: (channel: 1 | 2, bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#onBytes(this.#channel, chunk.subarray(at, end));
        at = end;
        continue;
      }
      const copied = chunk.copy(this.#header, this.#headerFilled, at);
      at += copied;
      this.#headerFilled += copied;
      if (this.#headerFilled < HEADER) return;
      this.#headerFilled = 0;
      const channel = this.#header[0];
      if (channel !== 1 && channel !== 2) {
        throw new RipcordError('protocol', `The engine sent a frame of channel ${channel}; 1 or 2 was expected`);
      }
      this.#channel = channel;
      this.#left = this.#header.readUInt32BE(4);
    }
  }
}
