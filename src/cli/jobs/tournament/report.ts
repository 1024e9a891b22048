/** Formats the result of a tournament: a line for each problem, why the impostors lost, the totals, the receipt. */

import { safeLine } from '../../../base/harmless-text.js';
import type { Receipt } from '../../../cleanup/receipt.js';
import { formatMs } from '../../terminal/format.js';
import { paint } from '../../terminal/paint.js';
import { table } from '../../terminal/table.js';
import { wrap } from '../../terminal/wrap.js';
import { receiptLine } from '../humaneval/report.js';
import type { ContestResult, Entry } from './contest.js';
import { IMPOSTORS, type Variant } from './variants.js';

export interface TournamentReport {
  problems: number;
  decided: number;
  right: number;
  branches: number;
  iterations: number;
  /** Seed that draws the same line-ups again. */
  seed: number;
  image: string;
  concurrency: number;
  out: string;
  durationMs: number;
  firstDecisionMs: number | undefined;
  sandboxes: number;
  sandboxesPerSecond: number;
  /** Signal that ended the tournament early. */
  interrupted: string | undefined;
  /** Number of problems whose solution was found in the first iteration, the second … */
  wonInIteration: number[];
  impostors: ImpostorRow[];
  results: ContestResult[];
  receipt: Receipt;
}

interface ImpostorRow {
  name: string;
  kind: Variant['kind'];
  entered: number;
  lost: number;
  /** Number of entries by outcome. */
  outcomes: Record<string, number>;
}

/** Returns one row for each impostor that competed. */
export function impostorRows(results: readonly ContestResult[]): ImpostorRow[] {
  const entries = results.flatMap((result) => result.entries).filter(({ outcome }) => outcome !== 'aborted');
  return IMPOSTORS.flatMap(({ name, kind }) => {
    const own = entries.filter((entry) => entry.name === name);
    const outcomes: Record<string, number> = {};
    for (const { outcome } of own) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const lost = own.filter(({ passed }) => !passed).length;
    return own.length === 0 ? [] : [{ name, kind, entered: own.length, lost, outcomes }];
  });
}

/** Formats a result: `HumanEval/12   branch 3 won   1 mutated: wrong answer · 2 sleeps: timeout   iteration 1   2.1 s` */
export function resultLine({ task, winner, entries, wrong, iterations, durationMs, decided }: ContestResult): string {
  const { green, red, yellow, dim } = paint(process.stdout);
  const losers = entries.filter(({ passed }) => !passed).map((entry) => loser(entry, entries));
  const lost = losers.length > 0 ? wrap(`lost: ${losers.join(' · ')}`, INDENT) : 'nobody lost';
  const won = winner ? green(`branch ${winner.branch} won`) : decided ? red('nobody won') : yellow('not decided');
  const head = [task.padEnd(13), won, dim(`iteration ${iterations}, ${formatMs(durationMs)}`)].join('  ');
  const lines = [head, lost];
  for (const problem of decided ? wrong : []) lines.push(`${red('wrong:')} ${safeLine(problem, 160)}`);
  return lines.join(`\n${' '.repeat(INDENT)}`);
}

/** Column at which details begin, behind the names of the problems. */
const INDENT = 15;

function loser({ iteration, branch, name, outcome }: Entry, entries: readonly Entry[]): string {
  const place = entries.some((entry) => entry.iteration !== iteration) ? `${iteration}.${branch}` : String(branch);
  return `${place} ${name} (${outcome})`;
}

/** Returns the summary as text for the terminal. */
export function renderTournament(report: TournamentReport): string {
  const { bold, dim, green, red } = paint(process.stdout);
  const { problems, decided, right, out, receipt } = report;
  const entered = report.impostors.reduce((sum, row) => sum + row.entered, 0);
  const lost = report.impostors.reduce((sum, row) => sum + row.lost, 0);
  const all = right === problems ? green : red;
  const first = report.firstDecisionMs === undefined ? '' : `, the first after ${formatMs(report.firstDecisionMs)}`;
  const lines = [
    impostorTable(report.impostors),
    `${bold(all(`${right} of ${problems} problems decided right`))} in ${formatMs(report.durationMs)}${first}: ` +
      `${lost} of ${entered} impostors lost\n`,
    decided < problems ? `${red(`interrupted (${report.interrupted})`)}: ${problems - decided} were not decided\n` : '',
    report.iterations > 1
      ? `memory: no strategy was tried twice; won in iteration ${report.wonInIteration.map((count, index) => `${index + 1}: ${count}`).join(', ')}\n`
      : '',
    `${receipt.sandboxes} sandboxes, ${report.concurrency} at once, ${report.sandboxesPerSecond.toFixed(1)} per second; ` +
      `the winners are in ${safeLine(out)}\n`,
    receiptLine(receipt),
    dim(`the same line-ups again: --seed ${report.seed}\n`),
  ];
  return lines.join('');
}

function impostorTable(rows: readonly ImpostorRow[]): string {
  if (rows.length === 0) return '';
  const { red } = paint(process.stdout);
  const columns = [
    { title: 'IMPOSTOR' },
    { title: 'KIND' },
    { title: 'ENTERED', align: 'right' as const },
    { title: 'LOST', align: 'right' as const },
    { title: 'HOW' },
  ];
  const cells = rows.map(({ name, kind, entered, lost, outcomes }) => [
    name,
    kind,
    entered,
    lost === entered ? lost : red(String(lost)),
    Object.entries(outcomes)
      .sort(([, a], [, b]) => b - a)
      .map(([outcome, count]) => `${safeLine(outcome, 40)} ${count}`)
      .join(', '),
  ]);
  return `${table(columns, cells)}\n`;
}
