import Table from 'cli-table3';
import { paint } from './paint.js';

const NO_BORDERS = Object.fromEntries(
  [
    'top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right',
    'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle',
  ].map((place) => [place, '']),
); // biome-ignore format: a table

interface Column {
  title: string;
  align?: 'left' | 'right';
}

/** Returns rows under dim titles, without borders. Cells must be safe to print. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string {
  const { dim } = paint(process.stdout);
  const made = new Table({
    head: columns.map(({ title }) => dim(title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 3 },
  });
  made.push(...rows.map((row) => row.map(String)));
  return `${made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}
