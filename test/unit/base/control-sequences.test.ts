import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stripControlSequences } from '../../../src/base/control-sequences.js';
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
    const plain = await inThread<string>('tools/plain-text.ts', 'plainText', [text], signal);
    expect(plain.length).toBeLessThanOrEqual(text.length);
  });
});
