import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  markLayout,
  markUnsafe,
  plainText,
  printable,
  printableAscii,
  safeLine,
  safeText,
  showControls,
  stripControlSequences,
  withoutControls,
} from '../../../src/base/harmless-text.js';
import { inThread } from '../../helpers/in-thread.js';

describe('control sequences', () => {
  it.each([
    ['colours', '\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mred\x1b[m', 'red red'],
    ['8-bit ones', '\x9b31mred\x9b0m', 'red'],
    ['moves of the cursor, erasures, modes', 'a\x1b[2J\x1b[1;1H\x1b[?25l\x1b[3 qb', 'ab'],
    ['titles and links', '\x1b]0;title\x07a\x1b]8;;http://e.example/\x1b\\b\x1b]8;;\x1b\\', 'ab'],
    ['other strings', 'a\x1bPq#0;2~\x1b\\\x1b_x\x1b\\\x1b^y\x9c\x90z\x9cb', 'ab'],
    ['character sets, saved cursors, resets', '\x1b(Ba\x1b7\x1b8\x1bc\x1b=b', 'ab'],
    ['one that is cut off', 'a\x1b[31', 'a'],
    ['a string that never ends stays, without its beginning', 'a\x1b]0;b\nc', 'a0;b\nc'],
    ['one with a character that none has', 'a\x1b[31\u00e9', 'a31\u00e9'],
  ])('go out of a text: %s', (_what, text, plain) => {
    expect(stripControlSequences(text)).toBe(plain);
  });

  it('go out as Node takes them out, where programs print them', () => {
    const printed = fc.constantFrom(
      '\x1b[0m',
      '\x1b[1;31m',
      '\x1b[2K',
      '\x1b[1A',
      '\x1b]0;t\x07',
      'text',
      'm',
      ';',
      '\n',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(printed), (parts) => {
        const text = parts.join('');
        expect(stripControlSequences(text)).toBe(stripVTControlCharacters(text));
      }),
    );
  });

  // Half an hour each with a matcher whose time grows with the square of the length.
  it.for<[string, string]>([
    ['an escape before much that could belong to it', `\x1b${';?'.repeat(512 * 1024)}`],
    ['a control sequence without an end', `\x1b[${'1;'.repeat(512 * 1024)}\u00e9`],
    ['beginnings of strings', '\x1b]'.repeat(512 * 1024)],
    ['8-bit beginnings of strings', '\x9d'.repeat(1024 * 1024)],
    ['8-bit beginnings of control sequences', '\x9b1'.repeat(512 * 1024)],
    ['escapes', '\x1b'.repeat(1024 * 1024)],
    ['carriage returns', '\r'.repeat(1024 * 1024)],
  ])('of 1 MiB are gone through once: %s', async ([_what, text], { signal }) => {
    const plain = await inThread<string>('base/harmless-text.ts', 'plainText', [text], signal);
    expect(plain.length).toBeLessThanOrEqual(text.length);
  });
});

/** Every character up to U+FFFF, each between two letters, and one above. */
const EVERY = `${Array.from({ length: 0x10000 }, (_, code) => `x${String.fromCharCode(code)}`).join('')}x\u{e0041}x`;
const TERMINAL = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const HIDDEN = /[\u034f\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u17b4\u17b5\u3164\uffa0]/u;
const NAME_HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u;
const inPieces = (shown: (text: string) => string): string =>
  Array.from({ length: Math.ceil(EVERY.length / 28) }, (_, at) => shown(EVERY.slice(at * 28, at * 28 + 28))).join('');
const withoutLayout = (text: string): string => text.replace(/[\t\n]/g, '');

describe('harmless text', () => {
  it.each<[string, (text: string) => string, RegExp]>([
    ['events', (text) => withoutLayout(withoutControls(text)), TERMINAL],
    ['models', (text) => withoutLayout(plainText(text)), TERMINAL],
    ['terminals', (text) => withoutLayout(safeText(text)), TERMINAL],
    ['rows of a table', (text) => safeLine(text, Number.POSITIVE_INFINITY), TERMINAL],
    ['terminals, with the escape sequences', (text) => showControls(text, ''), TERMINAL],
    ['pages', (text) => markUnsafe(markLayout(text)), HIDDEN],
    ['names in errors', () => inPieces(printable), NAME_HIDDEN],
    ['fields of HTTP', () => inPieces(printableAscii), /[^!-~]/],
  ])('for %s holds none of the characters that do harm there', (_reader, made, harmful) => {
    expect(EVERY).toMatch(harmful);
    expect(made(EVERY).match(harmful)?.[0]).toBe(undefined);
  });

  it.each<[string, (text: string) => string]>([
    ['withoutControls', withoutControls],
    ['plainText', plainText],
    ['safeText', safeText],
    ['markUnsafe', markUnsafe],
    ['printable', printable],
  ])('leaves letters of any script alone: %s', (_name, made) => {
    expect(made('größe € 漢字 עברית 😀')).toBe('größe € 漢字 עברית 😀');
  });
});

describe('a name in an error', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['controls', 'a\nb\tc\x1bd', 'a\\nb\\tc\\x1bd'],
    ['bidi and zero width', 'a\u202eb\u200bc\ufeff', 'a\\u202eb\\u200bc\\ufeff'],
    ['bytes that are UTF-8', Buffer.from('\ufeffgröße'), '\\ufeffgröße'],
    ['bytes that are not', Uint8Array.of(0x61, 0xff, 0x0a), 'a\\xff\\x0a'],
    ['a long name', 'x'.repeat(500), `${'x'.repeat(200)}…`],
  ])('has %s escaped', (_what, name, shown) => {
    expect(printable(name)).toBe(shown);
  });
});
