/** Output cut to what a model's context can bear: the beginning, the end, and how to read what lies between. */

import { plainText } from '../base/harmless-text.js';
import type { OutputBuffer } from '../command/output-buffer.js';

interface Excerpt {
  text: string;
  truncated: boolean;
  /** Where what is not shown begins. */
  nextOffset: number;
}

/** @param rest How to read what is left out, from an offset on. */
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

/** Whole lines, unless they are so long that too little would be left. */
function toLineEnd(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(0x0a) + 1;
  return end > bytes.length / 2 ? bytes.subarray(0, end) : bytes;
}

/** What a cut leaves of a character at either end is no part of the text. */
export function decode(bytes: Buffer): string {
  return plainText(bytes.toString('utf8').replace(/^\ufffd{1,3}|\ufffd{1,3}$/g, ''));
}
