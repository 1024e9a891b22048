import { expect, test } from 'vitest';
import { nearMiss } from '../../../src/tools/near-miss.js';

const code = 'def f(x):\n\tif x:\n\t\treturn  1 \n\n\treturn 2\n';

test.each([
  ['blanks for tabs', '    if x:\n        return  1 ', { first: 2, last: 3 }],
  ['no indentation', 'if x:\nreturn 1', { first: 2, last: 3 }],
  ['blanks at the ends of lines', 'def f(x): \n\tif x: ', { first: 1, last: 2 }],
  ['CR LF in the middle of lines', 'f(x):\r\n  if', { first: 1, last: 2 }],
  ['blank lines around', '\n\n  return 2\n\n\n', { first: 5, last: 5 }],
  ['a part of one line', 'return 1', { first: 3, last: 3 }],
])('finds a piece with %s', (_, piece, lines) => {
  expect(nearMiss(code, piece)).toEqual(lines);
});

test.each([
  ['other words', 'return 3'],
  ['a line too few', 'if x:\nreturn 2'],
  ['white space alone', ' \n\t'],
  ['more lines than there are', `${code}${code}`],
])('finds nothing for %s', (_, piece) => {
  expect(nearMiss(code, piece)).toBeUndefined();
});

test('ends its search where a text was made to prolong it, and leaves long ones alone', () => {
  const same = 'a\n'.repeat(100_000);
  expect(nearMiss(same, `${'a\n'.repeat(50_000)}b`)).toBeUndefined();
  expect(nearMiss(`${' '.repeat(256 * 1024)}\na b`, 'a  b')).toBeUndefined();
});
