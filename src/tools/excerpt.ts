/** Cuts output to the size of an answer: the beginning, the end, and how to read the part between. */

import { plainText } from '../base/harmless-text.js';
import type { OutputBuffer } from '../command/output-buffer.js';

interface Excerpt {
  text: string;
  truncated: boolean;
  /** Offset in bytes of the first part that is not shown. */
  nextOffset: number;
}

/**
 * Cuts an output to `maxBytes`.
 * @param rest Returns the call that reads the omitted part from an offset on.
 */
export function excerpt(output: OutputBuffer, maxBytes: number, rest: (offset: number) => string): Excerpt {
  if (output.totalBytes <= maxBytes) {
    return { text: decode(output.read(0, maxBytes).bytes), truncated: false, nextOffset: output.totalBytes };
  }
  const head = toLineEnd(output.read(0, Math.ceil(maxBytes / 2)).bytes);
  const end = output.end(maxBytes - head.length);
  const omitted = end.offset - head.length;
  const gap = `\n[... ${omitted} bytes left out; ${rest(head.length)} ...]\n`;
  return { text: decode(head) + gap + decode(end.bytes), truncated: true, nextOffset: head.length };
}

/** Cuts after the last complete line, unless that drops more than half of the bytes. */
function toLineEnd(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(0x0a) + 1;
  return end > bytes.length / 2 ? bytes.subarray(0, end) : bytes;
}

/** Decodes UTF-8. Drops partial characters at both ends. */
export function decode(bytes: Buffer): string {
  return plainText(bytes.toString('utf8').replace(/^\ufffd{1,3}|\ufffd{1,3}$/g, ''));
}
