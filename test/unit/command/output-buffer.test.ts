import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headBytes, OutputBuffer } from '../../../src/command/output-buffer.js';
import { collectGarbage } from '../../helpers/retained.js';

/** Computes the expected result by keeping everything. */
function naive(all: Buffer, limit: number): { bytes: Buffer; omitted: number } {
  if (all.length <= limit) return { bytes: all, omitted: 0 };
  const head = Math.ceil(limit / 2);
  const bytes = Buffer.concat([all.subarray(0, head), all.subarray(all.length - (limit - head))]);
  return { bytes, omitted: all.length - limit };
}

function fill(limit: number, chunks: readonly Uint8Array[]): OutputBuffer {
  const buffer = new OutputBuffer(limit);
  for (const chunk of chunks) buffer.push(Buffer.from(chunk));
  return buffer;
}

/** Half a character decodes to U+FFFD, so texts that contain it are left out. */
const whole = (texts: fc.Arbitrary<string>) => texts.filter((text) => !text.includes('\ufffd'));

describe('OutputBuffer', () => {
  it('keeps head and tail as if everything had been kept', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (limit, chunks) => {
        const all = Buffer.concat(chunks);
        const buffer = fill(limit, chunks);
        const expected = naive(all, limit);
        expect(buffer.bytes().equals(expected.bytes)).toBe(true);
        expect(buffer.omittedBytes).toBe(expected.omitted);
        expect(buffer.totalBytes).toBe(all.length);
        expect(buffer.truncated).toBe(expected.omitted > 0);
      }),
    );
  });

  it('gives text that has nothing of a character cut in two, and counts what it left out for that', () => {
    fc.assert(
      fc.property(fc.nat(40), whole(fc.string({ unit: 'grapheme', maxLength: 80 })), (limit, text) => {
        const all = Buffer.from(text);
        const shown = fill(limit, [all]).text();
        if (all.length <= limit) {
          expect(shown).toBe(text);
          return;
        }
        const match = /^([\s\S]*)\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n([\s\S]*)$/.exec(shown)!;
        const [, head, omitted, tail] = match;
        expect(shown).not.toContain('�');
        expect(all.toString().startsWith(head!)).toBe(true);
        expect(all.toString().endsWith(tail!)).toBe(true);
        expect(Buffer.byteLength(head!) + Buffer.byteLength(tail!) + Number(omitted)).toBe(all.length);
      }),
    );
  });

  it('replaces invalid bytes that the program itself wrote, and cuts no valid ones', () => {
    expect(fill(100, [Buffer.from([0x61, 0xff, 0x62])]).text()).toBe('a�b');
    expect(fill(100, [Buffer.from([0xe2, 0x82])]).text()).toBe('�');
  });

  it('joins a character that came in two pieces', () => {
    expect(fill(100, [Buffer.from([0xe2, 0x82]), Buffer.from([0xac])]).text()).toBe('€');
  });

  it('keeps a byte order mark: the program wrote it', () => {
    expect(fill(100, [Buffer.from('\ufeffx')]).text()).toBe('\ufeffx');
  });

  it('counts what never got here', () => {
    const buffer = fill(10, [Buffer.from('head!')]);
    buffer.skip(1_000_000);
    buffer.push(Buffer.from('tail!'));
    expect(buffer.text()).toBe('head!\n[... 1000000 bytes left out ...]\ntail!');
    expect(buffer).toMatchObject({ totalBytes: 1_000_010, omittedBytes: 1_000_000, truncated: true });
  });

  it('keeps nothing with a limit of zero', () => {
    const buffer = fill(0, [Buffer.from('abc')]);
    expect(buffer.bytes()).toHaveLength(0);
    expect(buffer).toMatchObject({ totalBytes: 3, truncated: true });
  });

  it('keeps no hold of what is pushed', () => {
    const chunk = Buffer.from('abc');
    const buffer = new OutputBuffer(10);
    buffer.push(chunk);
    chunk.fill('x');
    expect(buffer.text()).toBe('abc');
  });

  it('takes a gigabyte in chunks without keeping more than its limit', () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const buffer = new OutputBuffer(1024);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1024; i++) buffer.push(chunk);
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    expect(buffer).toMatchObject({ totalBytes: 1024 ** 3, omittedBytes: 1024 ** 3 - 1024 });
    expect(buffer.bytes()).toHaveLength(1024);
  });

  it('gives the odd byte to the head', () => {
    expect([headBytes(0), headBytes(1), headBytes(7), headBytes(8)]).toEqual([0, 1, 4, 4]);
  });
});
