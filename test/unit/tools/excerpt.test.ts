import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from '../../../src/base/harmless-text.js';
import { OutputBuffer } from '../../../src/command/output-buffer.js';
import { decode, excerpt } from '../../../src/tools/excerpt.js';
import { retainedBytes } from '../../helpers/retained.js';

const keptOf = (chunks: readonly (string | Buffer)[], maxBytes: number): OutputBuffer => {
  const kept = new OutputBuffer(maxBytes);
  for (const chunk of chunks) kept.push(Buffer.from(chunk));
  return kept;
};

describe('what is kept of an output', () => {
  it('can be read at any offset: the true bytes, and past a gap from where the tail begins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
        fc.integer({ min: 2, max: 120 }),
        fc.nat(500),
        fc.integer({ min: 1, max: 200 }),
        (chunks, maxBytes, offset, count) => {
          const all = Buffer.concat(chunks);
          const kept = keptOf(
            chunks.map((chunk) => Buffer.from(chunk)),
            maxBytes,
          );
          const piece = kept.read(offset, count);
          expect(kept.totalBytes).toBe(all.length);
          expect(piece.bytes.equals(all.subarray(piece.offset, piece.nextOffset))).toBe(true);
          expect(piece.offset).toBeGreaterThanOrEqual(Math.min(offset, all.length));
          // Reading on reaches the end and never stands still.
          if (offset < all.length) expect(piece.nextOffset).toBeGreaterThan(offset);
          if (all.length <= maxBytes && offset <= all.length) expect(piece.offset).toBe(offset);
        },
      ),
    );
  });

  it('holds little more than its limit, whatever is written', () => {
    const kept = new OutputBuffer(1000);
    for (let i = 0; i < 1000; i++) kept.push(Buffer.alloc(300));
    expect(kept.totalBytes).toBe(300_000);
    expect(kept.heldBytes).toBeLessThan(1000 + 300);
  });

  it('is the same for what exec kept of a flood', () => {
    const all = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
    const [head, tail] = [all.subarray(0, 50), all.subarray(950)];
    const kept = OutputBuffer.of(Buffer.concat([head, tail]), 1000, 100);
    expect(kept.read(0, 1000)).toMatchObject({ bytes: head, offset: 0, nextOffset: 50 });
    expect(kept.read(60, 1000)).toMatchObject({ bytes: tail, offset: 950, nextOffset: 1000 });
  });
});

describe('an excerpt', () => {
  it('is all of it where that fits', () => {
    expect(excerpt(keptOf(['one\ntwo\n'], 1000), 100, String)).toEqual({
      text: 'one\ntwo\n',
      truncated: false,
      nextOffset: 8,
    });
  });

  it('is beginning and end in whole lines, and says how to read what lies between', () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
    const { text, truncated, nextOffset } = excerpt(keptOf(lines, 100_000), 400, (offset) => `from ${offset}`);
    expect(truncated).toBe(true);
    expect(text).toMatch(
      new RegExp(`^line 0\\n(line \\d+\\n)+\\n\\[\\.\\.\\. \\d+ bytes left out; from ${nextOffset} `),
    );
    expect(text.endsWith('line 999\n')).toBe(true);
    expect(Buffer.byteLength(text)).toBeLessThan(400 + 60);
  });

  it('cuts no character in two', () => {
    const { text } = excerpt(keptOf(['€'.repeat(1000)], 100_000), 401, () => '');
    expect(text).not.toContain('\ufffd');
  });
});

it('shows output as a terminal would at the end, without what steers one', () => {
  expect(plainText('\u001b[31mred\u001b[0m\r\n')).toBe('red\n');
  expect(plainText(' 10%\r 50%\r100%\ndone')).toBe('100%\ndone');
  expect(plainText('a\u0000b\u0007c\td\u202ee\n')).toBe('abc\tde\n');
  expect(plainText('\u001b]0;title\u0007x')).toBe('x');
  expect(decode(Buffer.from('€x€').subarray(1, 6))).toBe('x');
});

it('holds nothing of the chunks but the bytes that it keeps', () => {
  const kept = new OutputBuffer(1024);
  const before = retainedBytes();
  for (let i = 0; i < 100; i++) kept.push(Buffer.alloc(2 ** 20).subarray(0, 1));
  expect(retainedBytes() - before).toBeLessThan(2 ** 23);
  expect(kept.heldBytes).toBe(100);
});
