/** Turns the bytes of a file into text, a picture, or the reason why it is neither. */
import { bytes } from './format.js';
import { dataUrl, MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, pictureOf, pictureTypeOf } from './picture.js';
import { safeText } from './safe-text.js';

export const MAX_TEXT_BYTES = 256 * 1024;
/** Number of bytes needed to recognize the type of a file. */
const HEAD_BYTES = 16;

export type Preview =
  | { kind: 'text'; text: string; cut: boolean }
  | { kind: 'picture'; url: string; width: number; height: number }
  | { kind: 'none'; why: string };

/** Returns the number of bytes to read of a file that begins with `head`. */
const wantedBytes = (head: Uint8Array): number => (pictureTypeOf(head) ? MAX_PICTURE_BYTES : MAX_TEXT_BYTES);

/** @param more True if the file is longer than `data`. */
export function previewOf(data: Uint8Array, more: boolean): Preview {
  if (pictureTypeOf(data)) return pictureIn(data, more);
  if (data.includes(0)) return { kind: 'none', why: 'It is not text. Download it to look at it.' };
  return { kind: 'text', text: safeText(new TextDecoder().decode(data)), cut: more };
}

function pictureIn(data: Uint8Array, more: boolean): Preview {
  if (more) {
    return {
      kind: 'none',
      why: `It is a picture of more than ${bytes(MAX_PICTURE_BYTES)}. Download it to look at it.`,
    };
  }
  const picture = pictureOf(data);
  if (!picture) return { kind: 'none', why: 'It begins as a picture and has no size. Download it to look at it.' };
  const { type, width, height } = picture;
  if (width * height > MAX_PICTURE_PIXELS) {
    return { kind: 'none', why: `It is a picture of ${width} × ${height} pixels. Download it to look at it.` };
  }
  return { kind: 'picture', url: dataUrl(type, data), width, height };
}

/** Reads the beginning of a body, up to the size that its type needs. */
export async function firstBytes(body: ReadableStream<Uint8Array>): Promise<{ data: Uint8Array; more: boolean }> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let limit: number | undefined;
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      chunks.push(value);
      length += value.length;
    }
    // The head may arrive in pieces.
    if (limit === undefined && length >= HEAD_BYTES) limit = wantedBytes(joined(chunks, length));
    if (done) return { data: joined(chunks, length), more: false };
    if (limit !== undefined && length > limit) {
      await reader.cancel();
      return { data: joined(chunks, length).subarray(0, limit), more: true };
    }
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
