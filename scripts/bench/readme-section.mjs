/** The README's table of what was measured: between two comments, rewritten by every full run. */

import { describe } from './machine.mjs';
import { picture } from './page.mjs';

const BEGIN = '<!-- bench: written by npm run bench -->';
const END = '<!-- /bench -->';
/** The charts shown there. */
const CHARTS = ['exec', 'humaneval'];

/** @returns {string} Markdown */
export function measuredSection(results) {
  const subjects = Object.values(results.subjects);
  const headlines = subjects.flatMap((subject) => subject.headlines);
  const charts = subjects.flatMap((subject) => subject.charts).filter(({ name }) => CHARTS.includes(name));
  return [
    `${describe(results)}. Medians of one run; [all figures](docs/bench/README.md).`,
    '',
    '| | Ripcord | the other way | ratio |',
    '|---|---|---|---|',
    ...headlines.map(({ what, ours, theirs, ratio }) => `| ${what} | ${ours} | ${theirs} | ${ratio} |`),
    '',
    ...charts.flatMap((chart) => [picture(chart, 'docs/bench/'), '']),
  ].join('\n');
}

/** `text` with the section in its place; unchanged where there is no place for it. */
export function replaceSection(text, section) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) return text;
  return `${text.slice(0, begin + BEGIN.length)}\n${section}${text.slice(end)}`;
}
