/**
 * Makes text harmless that a sandbox, an engine or a server wrote: nothing in it steers a terminal, hides, or reorders its
 * neighbours. Every function takes time that grows with the length of its text only.
 *
 * | function | treatment | reader |
 * |---|---|---|
 * | `withoutControls` | removes escape sequences, controls and bidi | events |
 * | `plainText` | the same, and keeps the last state of overwritten lines | models |
 * | `safeText`, `safeLine` | removes escape sequences, shows controls and bidi as `^[` and `\u202e` | the CLI |
 * | `showControls` | shows controls and bidi, also those of escape sequences | the CLI |
 * | `printable` | escapes all but visible text as `\n`, `\x1b`, `\u202e`, at most 200 characters | errors, logs |
 * | `printableAscii` | replaces all but visible ASCII by `?`, at most 300 characters | HTTP fields |
 * | `markUnsafe` | shows all but visible text as `⟨ESC⟩`, `⟨U+202E⟩` | the dashboard |
 *
 * It imports nothing, because the dashboard runs it in a browser.
 */

/** The harmful characters, as members of a class of a regular expression with the flag `u`. */
const SET = {
  /** C0 but for tab and newline, DEL and C1: terminals obey them. */
  controls: '\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f',
  /** Tab and newline: harmless in a text, but not in a name or in a row of a table. */
  layout: '\\t\\n',
  /** Marks, embeddings, overrides and isolates that change the direction of writing (CVE-2021-42574). */
  bidi: '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069',
  /** Characters without a width: with them two different names look alike. */
  zeroWidth: '\\u200b-\\u200d\\u2060-\\u2065\\u206a-\\u206f\\ufeff',
  /** All format characters of Unicode: bidi, zero width, soft hyphens, tags. */
  format: '\\p{Cf}',
  /** Separators of lines and paragraphs. */
  separators: '\\p{Zl}\\p{Zp}',
  /** Halves of surrogate pairs. */
  surrogates: '\\p{Cs}',
  /** Letters and marks without a shape. */
  blank: '\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u3164\\uffa0',
};

const TERMINAL = SET.controls + SET.bidi;
const REMOVED = new RegExp(`[${TERMINAL}]+`, 'gu');
const SHOWN = new RegExp(`[${SET.layout}${TERMINAL}]`, 'gu');
const ESCAPED = new RegExp(`[${SET.layout}${TERMINAL}${SET.zeroWidth}${SET.separators}${SET.surrogates}]`, 'gu');
const MARKED = new RegExp(`[${SET.controls}${SET.format}${SET.separators}${SET.surrogates}${SET.blank}]`, 'gu');

/**
 * ECMA-48: control sequences (`ESC [`, also one cut off at the end), strings ended by BEL or ST (OSC, DCS, SOS, PM, APC), and
 * short escapes. No class has a character that another sequence begins with, so a failed match is looked at once.
 */
const SEQUENCES = new RegExp(
  [
    '(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*(?:[@-~]|$)',
    '(?:\\x1b[PX\\]^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\x1b\\x80-\\x9f]*(?:\\x07|\\x1b\\\\|\\x9c)',
    '\\x1b[ -/]*[0-~]',
  ].join('|'),
  'g',
);

/**
 * Removes terminal escape sequences. Node's `stripVTControlCharacters` takes quadratic time for `ESC` followed by `;?;?…`:
 * 0.1 s for 8 KiB, half an hour for 1 MiB.
 */
export function stripControlSequences(text: string): string {
  return text.replace(SEQUENCES, '');
}

/** Removes escape sequences, control characters but tab and newline, and bidi controls. */
export function withoutControls(text: string): string {
  return stripControlSequences(text).replace(REMOVED, '');
}

/** Returns output as it would stand on a terminal: of a line that was overwritten (a progress bar) the last state is left. */
export function plainText(output: string): string {
  const text = stripControlSequences(output);
  const lines = text.includes('\r') ? text.split('\n').map(lastState).join('\n') : text;
  return lines.replace(REMOVED, '');
}

const lastState = (line: string): string => line.split('\r').findLast((state) => state !== '') ?? '';

/** Shows controls and bidi controls as `cat -v` does, `^[` for ESC, except the characters in `kept`. */
export function showControls(text: string, kept: string): string {
  return text.replace(SHOWN, (character) => (kept.includes(character) ? character : caretNotation(character)));
}

function caretNotation(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  return `\\u${hex(code, 4)}`;
}

/** Removes escape sequences and shows the other controls: for text that is data in a message or a table. */
export function safeText(text: string): string {
  return showControls(stripControlSequences(text), '\n\t');
}

/** {@link safeText} on one line, at most `max` characters. */
export function safeLine(text: string, max = 200): string {
  const line = showControls(stripControlSequences(text).replace(/\s+/g, ' ').trim(), '');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

const MAX_NAME = 200;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Returns a file name as it may be shown to a person or written to a log. Escapes everything that is not visible text, and
 * every byte but visible ASCII of a name that is not UTF-8. Cuts it after 200 characters.
 */
export function printable(name: string | Uint8Array): string {
  const text = typeof name === 'string' ? name : decoded(name);
  const shown = text === undefined ? escapeBytes(name as Uint8Array) : escapeText(text);
  return shown.length > MAX_NAME ? `${shown.slice(0, MAX_NAME)}…` : shown;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeText(text: string): string {
  return text
    .slice(0, MAX_NAME + 1)
    .replace(ESCAPED, (character) => SHORT[character] ?? escapeCode(character.codePointAt(0)!));
}

function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, MAX_NAME), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapeCode(byte),
  ).join('');
}

const escapeCode = (code: number): string => (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

const MAX_FIELD = 300;

/**
 * Replaces everything but visible ASCII by `?`, and cuts after 300 characters.
 * @param space replacement for a space
 */
export const printableAscii = (text: string, space = '?'): string =>
  text
    .slice(0, MAX_FIELD)
    .replaceAll(' ', space)
    .replace(/[^\x20-\x7e]/g, '?');

const NAMES: Record<number, string> = {
  0: 'NUL', 7: 'BEL', 8: 'BS', 9: 'TAB', 10: 'LF', 11: 'VT', 12: 'FF', 13: 'CR', 27: 'ESC', 127: 'DEL',
}; // biome-ignore format: a table

/** Shows as a sign everything that moves, hides or reorders text, and letters without a shape. Leaves tabs and newlines. */
export const markUnsafe = (text: string): string => text.replace(MARKED, mark);

/** Shows tabs and newlines as signs, too. */
export const markLayout = (text: string): string => text.replace(/[\t\n]/g, mark);

function mark(character: string): string {
  const code = character.codePointAt(0)!;
  return `⟨${NAMES[code] ?? `U+${hex(code, 4).toUpperCase()}`}⟩`;
}
