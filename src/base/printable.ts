import { isUtf8 } from 'node:buffer';

const MAX_SHOWN = 200;

/**
 * A file name as it may be shown to a person or written to a log: control characters, bidi overrides and bytes that
 * are not UTF-8 are escaped (`\n`, `\x1b`, `\xff`, `\u202e`), and it is cut after 200 characters.
 */
export function printable(name: string | Uint8Array): string {
  const shown = typeof name === 'string' ? escapeText(name) : isUtf8(name) ? escapeText(text(name)) : escapeBytes(name);
  return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function escapeText(name: string): string {
  return name
    .slice(0, MAX_SHOWN + 1)
    .replace(
      /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\p{Cs}]/gu,
      (character) => SHORT[character] ?? escapeCode(character.codePointAt(0) ?? 0),
    );
}

function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, MAX_SHOWN), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapeCode(byte),
  ).join('');
}

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCode(code: number): string {
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
