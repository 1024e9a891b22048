import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StdcopyParser } from '../../../src/backends/docker/stdcopy.js';
import { chunked } from '../../fixtures/chunks.js';

/** Docker's framing of `payload`. */
function encode(channel: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = channel;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Returns the output of each channel, joined, because readers do not see frames. */
function parse(chunks: Iterable<Buffer>): { 1: string; 2: string; order: number[] } {
  const out = { 1: '', 2: '', order: [] as number[] };
  const parser = new StdcopyParser((channel, bytes) => {
    out[channel] += bytes.toString('hex');
    out.order.push(channel);
  });
  for (const chunk of chunks) parser.push(chunk);
  return out;
}

const frame = fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 200 }));

describe('StdcopyParser', () => {
  it('gives each channel its bytes, in order, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(([channel, payload]) => encode(channel, payload)));
        const found = parse(chunked(bytes, cuts));
        const expected = (wanted: number) =>
          frames.map(([channel, payload]) => (channel === wanted ? Buffer.from(payload).toString('hex') : '')).join('');
        expect(found[1]).toBe(expected(1));
        expect(found[2]).toBe(expected(2));
      }),
    );
  });

  it('keeps the order between the channels', () => {
    const bytes = Buffer.concat([
      encode(1, Buffer.from('a')),
      encode(2, Buffer.from('b')),
      encode(1, Buffer.from('c')),
    ]);
    expect(parse([bytes]).order).toEqual([1, 2, 1]);
  });

  it('takes 5,000 one-byte frames in one chunk, where docker-modem overflows its stack', () => {
    const one = encode(1, Buffer.from('x'));
    expect(parse([Buffer.concat(Array.from({ length: 5000 }, () => one))])[1]).toBe('78'.repeat(5000));
  });

  it('hands a long frame on as it comes, without waiting for its end', () => {
    let seen = 0;
    const parser = new StdcopyParser((_channel, bytes) => {
      seen += bytes.length;
    });
    const header = Buffer.alloc(8);
    header[0] = 1;
    header.writeUInt32BE(0xffff_ffff, 4);
    parser.push(header);
    expect(seen).toBe(0);
    parser.push(Buffer.alloc(1000));
    parser.push(Buffer.alloc(24));
    expect(seen).toBe(1024);
  });

  it('goes over empty frames', () => {
    const bytes = Buffer.concat([encode(1, Buffer.alloc(0)), encode(2, Buffer.alloc(0)), encode(1, Buffer.from('z'))]);
    expect(parse([bytes])[1]).toBe('7a');
  });

  it.each([0, 3, 255])('refuses channel %i: it is not the framing that was agreed', (channel) => {
    expect(() => parse([encode(channel, Buffer.from('x'))])).toThrow(`channel ${channel}`);
  });
});
