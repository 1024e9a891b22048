/** The dashboard shows a file as text or as a picture, or says why it cannot. */
import { describe, expect, it } from 'vitest';
import { dataUrl, MAX_PICTURE_BYTES, pictureOf } from '../../../src/dashboard/text/picture.js';
import { firstBytes, MAX_TEXT_BYTES, previewOf } from '../../../src/dashboard/text/preview.js';

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const u16 = (value: number) => String.fromCharCode(value >> 8, value & 0xff);
const u32 = (value: number) => u16(value >>> 16) + u16(value & 0xffff);
const png = (width: number, height: number) =>
  bytesOf(`\x89PNG\r\n\x1a\n\0\0\0\rIHDR${u32(width)}${u32(height)}\b\x06\0\0\0`);

function body(...chunks: Uint8Array[]) {
  const state = { read: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = chunks[state.read++];
        if (next) controller.enqueue(next);
        else controller.close();
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, state };
}

describe('a picture', () => {
  it.each([
    ['image/png', png(640, 480), 640, 480],
    ['image/gif', bytesOf('GIF89a\x02\x01\x03\0\0\0\0'), 258, 3],
    [
      'image/jpeg',
      // APP0, a table that a frame header must not be taken for, a fill byte, then a progressive frame.
      bytesOf(`\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x03x\xff\xff\xc2\0\x0b\x08${u16(300)}${u16(1000)}\x01`),
      1000,
      300,
    ],
    ['image/webp', bytesOf('RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0'), 640, 480],
    ['image/webp', bytesOf('RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01'), 640, 480],
    ['image/webp', bytesOf('RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\0'), 640, 480],
  ])('%s is known by its bytes, and so is its size', (type, data, width, height) => {
    expect(pictureOf(data)).toEqual({ type, width, height });
    const url = `data:${type};base64,${Buffer.from(data).toString('base64')}`;
    expect(previewOf(data, false)).toEqual({ kind: 'picture', url, width, height });
  });

  it('of any length becomes an address', () => {
    const data = Uint8Array.from({ length: 100_001 }, (_, index) => index * 7);
    expect(dataUrl('image/gif', data)).toBe(`data:image/gif;base64,${Buffer.from(data).toString('base64')}`);
  });

  it('is not shown when it is long, claims to be huge, or has no size', () => {
    const why = (data: Uint8Array, more = false) => previewOf(data, more);
    expect(why(png(1, 1), true)).toEqual({
      kind: 'none',
      why: 'It is a picture of more than 4.0 MiB. Download it to look at it.',
    });
    expect(why(png(100_000, 100_000))).toMatchObject({ why: expect.stringContaining('100000 × 100000 pixels') });
    expect(why(png(0, 0))).toMatchObject({ kind: 'none', why: expect.stringContaining('no size') });
    for (const cut of [
      '\x89PNG\r\n\x1a\n\0',
      '\xff\xd8\xff',
      '\xff\xd8\xff\xe0\0\0\xff',
      'GIF89a',
      'RIFF\0\0\0\0WEBP',
    ]) {
      expect(why(bytesOf(cut)), cut).toMatchObject({ kind: 'none', why: expect.stringContaining('no size') });
    }
  });

  it('is never markup, whatever the file is called', () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>';
    expect(previewOf(bytesOf(svg), false)).toEqual({ kind: 'text', text: svg, cut: false });
    expect(previewOf(bytesOf('<!doctype html><img src=x>'), false).kind).toBe('text');
  });
});

describe('a file', () => {
  it('that is text is shown as text, and what is neither is not', () => {
    expect(previewOf(bytesOf('a\x1b[2Jb'), true)).toEqual({ kind: 'text', text: 'a⟨ESC⟩[2Jb', cut: true });
    expect(previewOf(bytesOf('\x7fELF\0'), false)).toEqual({
      kind: 'none',
      why: 'It is not text. Download it to look at it.',
    });
    expect(previewOf(new Uint8Array(0), false)).toEqual({ kind: 'text', text: '', cut: false });
  });

  it('is read as far as it is shown: text to 256 KiB, a picture to 4 MiB', async () => {
    const text = body(...Array(100).fill(new Uint8Array(64 * 1024).fill(97)));
    const read = await firstBytes(text.stream);
    expect([read.data.length, read.more]).toEqual([MAX_TEXT_BYTES, true]);
    expect([text.state.read, text.state.cancelled]).toEqual([5, true]);
    // Its head comes in pieces.
    const picture = body(
      png(1, 1).subarray(0, 3),
      png(1, 1).subarray(3),
      ...Array(100).fill(new Uint8Array(64 * 1024)),
    );
    const begun = await firstBytes(picture.stream);
    expect([begun.data.length, begun.more]).toEqual([MAX_PICTURE_BYTES, true]);
    expect(picture.state.cancelled).toBe(true);
    const small = await firstBytes(body(bytesOf('a'), bytesOf('b')).stream);
    expect([Buffer.from(small.data).toString(), small.more]).toEqual(['ab', false]);
    const exact = await firstBytes(body(new Uint8Array(MAX_TEXT_BYTES)).stream);
    expect([exact.data.length, exact.more]).toEqual([MAX_TEXT_BYTES, false]);
  });
});
