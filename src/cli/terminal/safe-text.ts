/** Keeps what hostile code printed, named or threw from steering the terminal it is shown on. */
import { stripControlSequences } from '../../base/control-sequences.js';

// C0 but for tab and newline, DEL, C1, and what turns the direction of writing round (CVE-2021-42574).
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** For text that is data in a message or a table: escape sequences are taken out, what else controls is shown. */
export function safeText(text: string): string {
  return showControls(stripControlSequences(text), '\n\t');
}

/** On one line, at most `max` characters. */
export function safeLine(text: string, max = 200): string {
  const line = showControls(stripControlSequences(text).replace(/\s+/g, ' ').trim(), '');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** Shows control characters as `cat -v` does, `^[` for ESC, all but those in `kept`. */
export function showControls(text: string, kept: string): string {
  return text.replace(CONTROLS, (character) => (kept.includes(character) ? character : notation(character)));
}

function notation(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
