/**
 * The codec of the pipe: `u32 length · u32 stream · u8 type · payload`, little-endian; see docs/internals/protocol.md.
 *
 * The parser accepts chunks of any size and passes payloads on as slices, without a copy if a frame lies in one chunk.
 * It is iterative, so any number of frames in one chunk needs no stack.
 */
import { RipcordError } from '../base/errors.js';

export const HEADER_BYTES = 9;
/** Maximum payload that either side may send. */
export const MAX_PAYLOAD = 65_536;

type FrameHandler = (stream: number, type: number, payload: Buffer) => void;

const NONE: ReadonlySet<number> = new Set();

export class FrameParser {
  readonly #handle: FrameHandler;
  readonly #piecewise: ReadonlySet<number>;
  /** Start of an incomplete frame; never longer than one frame. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** The frame that is being passed on in parts, and the number of its missing bytes. */
  #stream = 0;
  #type = 0;
  #left = 0;

  /**
   * @param handle Called for every frame. Payloads are slices of the pushed chunks.
   * @param piecewise Types whose payload may be passed on in parts as it arrives, because the receiver handles bytes of
   * a stream.
   */
  constructor(handle: FrameHandler, piecewise: ReadonlySet<number> = NONE) {
    this.#handle = handle;
    this.#piecewise = piecewise;
  }

  /**
   * Parses a chunk.
   * @throws RipcordError `protocol` if a length exceeds the maximum. The parser is unusable after that, because the
   * next frame cannot be found.
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#handle(this.#stream, this.#type, chunk.subarray(at, end));
        at = end;
      } else if (this.#partial) {
        at = this.#fill(chunk, at);
      } else if (chunk.length - at < HEADER_BYTES) {
        this.#keep(chunk.subarray(at), HEADER_BYTES);
        return;
      } else {
        const length = checkedLength(chunk.readUInt32LE(at));
        const end = at + HEADER_BYTES + length;
        if (this.#beginPieces(chunk, at, length)) {
          at += HEADER_BYTES;
        } else if (end > chunk.length) {
          this.#keep(chunk.subarray(at), HEADER_BYTES + length);
          return;
        } else {
          this.#handle(chunk.readUInt32LE(at + 4), chunk[at + 8]!, chunk.subarray(at + HEADER_BYTES, end));
          at = end;
        }
      }
    }
  }

  /** True if no frame is incomplete, so that the stream may end here. */
  get atBoundary(): boolean {
    return this.#partial === undefined && this.#left === 0;
  }

  #beginPieces(header: Buffer, at: number, length: number): boolean {
    if (length === 0 || !this.#piecewise.has(header[at + 8]!)) return false;
    this.#stream = header.readUInt32LE(at + 4);
    this.#type = header[at + 8]!;
    this.#left = length;
    return true;
  }

  #keep(rest: Buffer, size: number): void {
    this.#partial = Buffer.allocUnsafe(size);
    rest.copy(this.#partial, 0);
    this.#filled = rest.length;
  }

  /** Completes the stored frame from `chunk`. Returns the position after the consumed bytes. */
  #fill(chunk: Buffer, from: number): number {
    const partial = this.#partial!;
    const copied = chunk.copy(partial, this.#filled, from, from + partial.length - this.#filled);
    this.#filled += copied;
    if (this.#filled < partial.length) return from + copied;
    this.#partial = undefined;
    const length = checkedLength(partial.readUInt32LE(0));
    if (this.#beginPieces(partial, 0, length)) return from + copied;
    if (HEADER_BYTES + length > partial.length) this.#keep(partial, HEADER_BYTES + length);
    else this.#handle(partial.readUInt32LE(4), partial[8]!, partial.subarray(HEADER_BYTES));
    return from + copied;
  }
}

function checkedLength(length: number): number {
  if (length > MAX_PAYLOAD) {
    throw new RipcordError(
      'protocol',
      `The agent announced a frame of ${length} bytes; at most ${MAX_PAYLOAD} are allowed`,
    );
  }
  return length;
}

/** Returns the header, nine bytes, of a payload with `length` bytes. */
export function encodeHeader(length: number, stream: number, type: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(header, length, stream, type);
  return header;
}

/** Returns one frame: header and payload in one buffer. */
export function encodeFrame(stream: number, type: number, payload: Uint8Array = EMPTY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeHeader(frame, payload.length, stream, type);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

function writeHeader(into: Buffer, length: number, stream: number, type: number): void {
  into.writeUInt32LE(length, 0);
  into.writeUInt32LE(stream, 4);
  into[8] = type;
}

const EMPTY = new Uint8Array(0);
