/** The measurements of a subject: printed as they come, and kept for results.json. */
import Table from 'cli-table3';
import { summary } from './measure.mjs';

export const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

export const COLUMNS = ['n', 'p50', 'p99', 'min', 'max'];

export class Report {
  /** Entry of the subject in results.json. */
  result = { title: '', seconds: 0, tables: [], checks: [], charts: [], notes: [], headlines: [] };

  /**
   * A row per candidate: n, p50, p99, min, max of its values.
   * @param {Record<string, number[]>} samples
   */
  samples(samples, { title = '', unit = 'ms' } = {}) {
    const rows = Object.entries(samples).map(([name, values]) => ({ name, ...summary(values) }));
    const table = new Table({ head: [title, 'n', 'p50', 'p99', 'min–max'], style: { head: [], border: [] } });
    for (const { name, n, p50, p99, min, max } of rows) {
      table.push([name, n, `${digits(p50)} ${unit}`, digits(p99), `${digits(min)}–${digits(max)}`]);
    }
    console.log(table.toString());
    this.result.tables.push({ title, unit, rows });
  }

  /**
   * Whether a figure keeps to its bound. With `or`, another one may keep it instead.
   * @param {string} what
   * @param {number} value
   * @param {'<=' | '>='} relation
   * @param {number} bound
   * @param {string} [unit]
   * @param {{ what: string, value: number, relation: '<=' | '>=', bound: number, unit: string }} [or]
   */
  check(what, value, relation, bound, unit = '', or = undefined) {
    const claims = [{ what, value, relation, bound, unit }, ...(or ? [or] : [])];
    const kept = claims.some((claim) =>
      claim.relation === '<=' ? claim.value <= claim.bound : claim.value >= claim.bound,
    );
    const [first, ...others] = claims.map(describeClaim);
    console.log(`  ${kept ? 'ok  ' : 'MISS'} ${[first, ...others].join(', or ')}`);
    this.result.checks.push({ kept, claims });
  }

  /** A bound that could not be looked at: as bad as a missed one. */
  unchecked(what, why) {
    console.log(`  MISS ${what}: ${why}`);
    this.result.checks.push({ kept: false, claims: [], what, why });
  }

  note(text) {
    console.log(`  ${text}`);
    this.result.notes.push(text);
  }

  /** A line of the README's table. */
  headline(what, ours, theirs, ratio = '') {
    this.result.headlines.push({ what, ours, theirs, ratio });
  }

  /**
   * Horizontal bars, the shortest first.
   * @param {{ name: string, title: string, unit: string, bars: { name: string, value: number }[] }} chart
   */
  bars(chart) {
    this.result.charts.push({ kind: 'bars', ...chart });
  }

  /**
   * Lines over one axis.
   * @param {{ name: string, title: string, unit: string, xName: string, x: (string | number)[],
   *   lines: { name: string, values: (number | null)[] }[] }} chart
   */
  lines(chart) {
    this.result.charts.push({ kind: 'lines', ...chart });
  }
}

/** A bar for each candidate's median. */
export const medianBars = (samples) =>
  Object.entries(samples).map(([name, values]) => ({ name, value: summary(values).p50 }));

export function describeClaim({ what, value, relation, bound, unit }) {
  return `${what}: ${digits(value)}${unit} (wanted ${relation} ${bound}${unit})`;
}
