/** The README's table of measurements: between two comments, rewritten by every full run. */

import { describe } from './machine.mjs';
import { headlinesOf, headlineTable } from './page.mjs';

const BEGIN = '<!-- bench: written by npm run bench -->';
const END = '<!-- /bench -->';
/** The rows shown there, by their names; docs/bench/README.md has all of them. */
const ROWS = [
  '`exec` of `true` in a running sandbox',
  'create → first output → gone, verified',
  'a warm sandbox: claim → first output',
  'HumanEval, 164 programs, each in a sandbox reset before it',
  'abort of a run with 8 branches at work → all of it gone',
];

/** @returns {string} Markdown */
export function measuredSection(results) {
  const headlines = headlinesOf(results);
  const rows = ROWS.map((row) => headlines.find(({ what }) => what === row)).filter(Boolean);
  return [
    `${describe(results)}. Medians of one run; [all figures](docs/bench/README.md).`,
    '',
    ...headlineTable(rows),
    '',
  ].join('\n');
}

/** Returns `text` with the section in its place, or unchanged if it does not have that place. */
export function replaceSection(text, section) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) return text;
  return `${text.slice(0, begin + BEGIN.length)}\n${section}${text.slice(end)}`;
}
