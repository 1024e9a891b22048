/** docs/bench/README.md: everything a run measured. */

import { describe } from './machine.mjs';
import { COLUMNS, describeClaim, digits } from './report.mjs';

/** @returns {string} Markdown */
export function page(results) {
  const subjects = Object.entries(results.subjects);
  return [
    '# What was measured',
    '',
    `Written by \`npm run bench${results.quick ? ' -- --quick' : ''}\`: one run, everything in turns. ${describe(results)}.`,
    `Image ${results.machine.image.name} (${results.machine.image.id}). It took ${(results.seconds / 60).toFixed(1)} minutes; ` +
      `the hypervisor took ${results.stealPercent.toFixed(1)} % of the CPU time for others, and the load was ` +
      `${results.machine.loadBefore.toFixed(1)} before it began. All figures are in [results.json](results.json).`,
    '',
    ...peerLines(results),
    '## In short',
    '',
    ...headlineTable(headlinesOf(results)),
    '',
    '## The bounds',
    '',
    ...subjects.flatMap(([name, subject]) => boundLines(name, subject)),
    ...results.stray.map((text) => `- **STRAY ERROR** ${text.split('\n')[0]}`),
    '',
    ...subjects.flatMap(([name, subject]) => subjectLines(name, subject)),
  ].join('\n');
}

/** @returns the headlines of all subjects, in order */
export const headlinesOf = (results) => Object.values(results.subjects).flatMap(({ headlines }) => headlines);

/** @returns {string[]} a Markdown table */
export const headlineTable = (headlines) => [
  '| | Ripcord | the other way | ratio |',
  '|---|---|---|---|',
  ...headlines.map(({ what, ours, theirs, ratio }) => `| ${what} | ${ours} | ${theirs} | ${ratio} |`),
];

function peerLines({ peers, skipped }) {
  if (peers.length + skipped.length === 0) return [];
  return [
    '| compared with | version | what the code runs in |',
    '|---|---|---|',
    ...peers.map(({ name, version, kind }) => `| ${name} | ${version} | ${KINDS[kind]} |`),
    '',
    ...skipped.map((line) => `Skipped: ${line}`),
    '',
  ];
}

const KINDS = { container: 'a container', process: 'a process with namespaces', bare: 'a plain process' };

function boundLines(name, { checks, error }) {
  return [
    ...checks.map(({ kept, claims, what, why }) => {
      const text = claims.length > 0 ? claims.map(describeClaim).join(', or ') : `${what}: ${why}`;
      return `- ${kept ? '✓' : '**MISS**'} ${name}: ${text}`;
    }),
    ...(error ? [`- **FAILED** ${name}: ${error}`] : []),
  ];
}

function subjectLines(name, { title, seconds, tables, charts, notes }) {
  return [
    `## ${name}`,
    '',
    `${title} (${seconds.toFixed(0)} s)`,
    '',
    ...charts.flatMap((chart) => [picture(chart, './'), '']),
    ...tables.flatMap(tableLines),
    ...(notes.length > 0 ? [...notes.map((note) => `- ${note}`), ''] : []),
  ];
}

/** A chart that follows the reader's theme. */
export function picture({ name, title }, base) {
  return (
    `<picture><source media="(prefers-color-scheme: dark)" srcset="${base}${name}-dark.svg">` +
    `<img alt="${title}" src="${base}${name}-light.svg"></picture>`
  );
}

function tableLines({ title, unit, rows }) {
  const heads = COLUMNS.map((column) => (column === 'n' ? 'n' : `${column} ${unit}`));
  return [
    `| ${title} | ${heads.join(' | ')} |`,
    `|---${'|---:'.repeat(COLUMNS.length)}|`,
    ...rows.map((row) => `| ${row.name} | ${COLUMNS.map((c) => (c === 'n' ? row.n : digits(row[c]))).join(' | ')} |`),
    '',
  ];
}
