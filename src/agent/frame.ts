/**
 * The codec of the pipe: `u32 length · u32 stream · u8 type · payload`, little-endian. docs/internals/protocol.md has the whole.
 *
 * The parser takes bytes as they come and hands out payloads as slices of them, without a copy where a frame lies in
 * one chunk. It is iterative: any number of frames in one chunk costs no stack.
 */
import { RipcordError } from '../base/errors.js';

export const HEADER_BYTES = 9;
/** The largest payload either side may send. */
export const MAX_PAYLOAD = 65_536;

type FrameHandler = (stream: number, type: number, payload: Buffer) => void;

const NONE: ReadonlySet<number> = new Set();

export class FrameParser {
  readonly #handle: FrameHandler;
  readonly #piecewise: ReadonlySet<number>;
  /** A frame whose end has not come; never longer than one frame. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** The frame that is being handed on in pieces, and how much of it is still to come. */
  #stream = 0;
  #type = 0;
  #left = 0;

  /**
   * @param handle Gets every frame. Payloads are slices of what was pushed.
   * @param piecewise Types whose payload may be handed on in pieces, as it comes: bytes of a stream need not be put
   * together first.
   */
  constructor(handle: FrameHandler, piecewise: ReadonlySet<number> = NONE) {
    this.#handle = handle;
    this.#piecewise = piecewise;
  }

  /**
   * @throws RipcordError `protocol` when a length is over the cap. The parser is unusable after that: there is no way
   * to find the next frame.
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

  /** True when the stream may end here: no frame is cut in two. */
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

  /** Adds to the kept frame from `chunk`; returns how far that took. */
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

/** The nine bytes before a payload of `length` bytes. */
export function encodeHeader(length: number, stream: number, type: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  writeHeader(header, length, stream, type);
  return header;
}

/** One frame, header and payload in one buffer. */
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
