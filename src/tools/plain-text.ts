import { stripControlSequences } from '../base/control-sequences.js';

/** C0 but for tab and newline, DEL, C1, and what turns the direction of writing round (CVE-2021-42574). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

/**
 * Output as it would stand on a terminal: escape sequences are gone, of a line that was written over again and again (a
 * progress bar) the last state is left. For a model the rest is noise, for the terminal of whoever watches it a danger.
 */
export function plainText(output: string): string {
  const text = stripControlSequences(output);
  const lines = text.includes('\r') ? text.split('\n').map(lastState).join('\n') : text;
  return lines.replace(CONTROLS, '');
}

const lastState = (line: string): string => line.split('\r').findLast((state) => state !== '') ?? '';
