import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameParser, HEADER_BYTES, MAX_PAYLOAD } from '../../../src/agent/frame.js';
import { RipcordError } from '../../../src/base/errors.js';
import { chunked } from '../../fixtures/chunks.js';

interface Frame {
  stream: number;
  type: number;
  payload: Buffer;
}

/** Parses `chunks`. Payloads are copied, because they are slices of the chunk. */
function parse(chunks: Iterable<Buffer>): { frames: Frame[]; parser: FrameParser } {
  const frames: Frame[] = [];
  const parser = new FrameParser((stream, type, payload) => {
    frames.push({ stream, type, payload: Buffer.from(payload) });
  });
  for (const chunk of chunks) parser.push(chunk);
  return { frames, parser };
}

const frame = fc.record({
  stream: fc.integer({ min: 0, max: 0xffff_ffff }),
  type: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

const summary = ({ stream, type, payload }: Frame) => `${stream} ${type} ${payload.toString('hex')}`;
const encode = ({ stream, type, payload }: Frame) => encodeFrame(stream, type, payload);

describe('FrameParser', () => {
  it('finds the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
        const { frames: found, parser } = parse(chunked(Buffer.concat(frames.map(encode)), cuts));
        expect(found.map(summary)).toEqual(frames.map(summary));
        expect(parser.atBoundary).toBe(true);
      }),
    );
  });

  it('finds frames byte by byte', () => {
    const frames = [
      { stream: 1, type: 0x84, payload: Buffer.from('hello') },
      { stream: 0, type: 0x82, payload: Buffer.alloc(0) },
      { stream: 0xffff_ffff, type: 0xff, payload: Buffer.alloc(300, 7) },
    ];
    const bytes = Buffer.concat(frames.map(encode));
    const { frames: found } = parse([...bytes].map((byte) => Buffer.from([byte])));
    expect(found).toEqual(frames);
  });

  it('takes the largest payload there is, cut anywhere', () => {
    const largest = { stream: 3, type: 0x84, payload: Buffer.alloc(MAX_PAYLOAD, 0xab) };
    const bytes = encode(largest);
    for (const at of [0, 1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, bytes.length - 1, bytes.length]) {
      const [found] = parse([bytes.subarray(0, at), bytes.subarray(at)]).frames;
      // Compared as bytes: a matcher takes seconds for so many elements.
      expect(found!.payload.equals(largest.payload)).toBe(true);
    }
  });

  it.each([MAX_PAYLOAD + 1, 0x7fff_ffff, 0xffff_ffff])(
    'refuses a length of %i before anything is kept for it',
    (length) => {
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(length, 0);
      for (const chunks of [
        [header],
        [header.subarray(0, 3), header.subarray(3)],
        [...header].map((b) => Buffer.from([b])),
      ]) {
        const refusal = () => parse(chunks);
        expect(refusal).toThrow(RipcordError);
        expect(refusal).toThrow(`a frame of ${length} bytes`);
      }
    },
  );

  it('says whether a frame is cut in two', () => {
    const bytes = encodeFrame(1, 0x84, Buffer.from('abc'));
    for (let at = 1; at < bytes.length; at++) expect(parse([bytes.subarray(0, at)]).parser.atBoundary).toBe(false);
    expect(parse([bytes]).parser.atBoundary).toBe(true);
    expect(parse([]).parser.atBoundary).toBe(true);
  });

  it('takes a hundred thousand frames in one chunk without a deep stack', () => {
    const one = encodeFrame(1, 0x84, Buffer.from('x'));
    let count = 0;
    const parser = new FrameParser(() => {
      count++;
    });
    parser.push(Buffer.concat(Array.from({ length: 100_000 }, () => one)));
    expect(count).toBe(100_000);
  });
});
