/** Formats the result of `ripcord humaneval`: the table, the totals, the receipt. */

import { safeLine } from '../../../base/harmless-text.js';
import { describeLeft, isClean, type Receipt } from '../../../cleanup/receipt.js';
import { formatMs } from '../../terminal/format.js';
import { paint } from '../../terminal/paint.js';
import { table } from '../../terminal/table.js';
import type { Verdict } from './judge.js';

export interface Report {
  problems: number;
  judged: number;
  passed: number;
  concurrency: number;
  image: string;
  /** Time in milliseconds from opening the manager to the last verdict. */
  durationMs: number;
  firstVerdictMs: number | undefined;
  sandboxesPerSecond: number;
  /** Signal that ended the job early. */
  interrupted: string | undefined;
  outcomes: OutcomeRow[];
  verdicts: Verdict[];
  receipt: Receipt;
}

interface OutcomeRow {
  outcome: string;
  count: number;
  programMs: Spread;
  sandboxMs: Spread;
}

interface Spread {
  median: number;
  p95: number;
}

/** Returns one row for each outcome, the most frequent first. */
export function outcomeRows(verdicts: readonly Verdict[]): OutcomeRow[] {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of verdicts) groups.set(verdict.outcome, [...(groups.get(verdict.outcome) ?? []), verdict]);
  return [...groups]
    .map(([outcome, group]) => ({
      outcome,
      count: group.length,
      programMs: spread(group.map((verdict) => verdict.programMs)),
      sandboxMs: spread(group.map((verdict) => verdict.sandboxMs)),
    }))
    .sort((a, b) => b.count - a.count);
}

/** Returns percentiles by the nearest-rank method. */
function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { median: rank(0.5), p95: rank(0.95) };
}

/** Returns the report as text for the terminal. */
export function renderReport(report: Report): string {
  const { bold, dim, green, red } = paint(process.stdout);
  const lines = [outcomeTable(report.outcomes)];
  const failures = report.verdicts.filter(({ passed }) => !passed);
  for (const { task, outcome, reason } of failures) {
    lines.push(`${red(task)}  ${outcome}  ${dim(safeLine(reason ?? '', 100))}\n`);
  }
  if (failures.length > 0) lines.push('\n');
  const { passed, judged, problems } = report;
  const all = passed === problems ? green : red;
  const first =
    report.firstVerdictMs === undefined ? '' : `, the first verdict after ${formatMs(report.firstVerdictMs)}`;
  lines.push(
    `${bold(all(`${passed} of ${problems} passed`))} in ${formatMs(report.durationMs)}${first}\n`,
    judged < problems ? `${red(`interrupted (${report.interrupted})`)}: ${problems - judged} were not judged\n` : '',
    `${report.receipt.sandboxes} sandboxes, ${report.concurrency} at once, ${report.sandboxesPerSecond.toFixed(1)} per second\n`,
    receiptLine(report.receipt),
  );
  return lines.join('');
}

function outcomeTable(rows: readonly OutcomeRow[]): string {
  if (rows.length === 0) return '';
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'OUTCOME' },
    right('COUNT'),
    right('PROGRAM MEDIAN'),
    right('P95'),
    right('SANDBOX MEDIAN'),
    right('P95'),
  ];
  const cells = rows.map(({ outcome, count, programMs, sandboxMs }) => [
    outcome,
    count,
    ...[programMs.median, programMs.p95, sandboxMs.median, sandboxMs.p95].map(formatMs),
  ]);
  return `${table(columns, cells)}\n`;
}

/** Returns the line about the leftovers that the engine reports. */
export function receiptLine(receipt: Receipt): string {
  const { green, red } = paint(process.stdout);
  const errors = receipt.errors.map((error) => `  ${safeLine(error)}\n`).join('');
  return `left behind: ${(isClean(receipt) ? green : red)(describeLeft(receipt))}, by the engine's own word\n${errors}`;
}
