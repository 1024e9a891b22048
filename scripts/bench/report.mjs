/** How a benchmark says what it measured. */
import Table from 'cli-table3';
import { summary } from './measure.mjs';

const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

/** Prints one row per candidate: n, p50, p99, min–max in milliseconds. */
export function printTimes(times) {
  const table = new Table({ head: ['', 'n', 'p50 ms', 'p99 ms', 'min–max ms'], style: { head: [], border: [] } });
  for (const [name, values] of Object.entries(times)) {
    const { n, p50, p99, min, max } = summary(values);
    table.push([name, n, digits(p50), digits(p99), `${digits(min)}–${digits(max)}`]);
  }
  console.log(table.toString());
}

/**
 * Prints whether a measured figure keeps to its bound, and returns it for the exit code.
 * @param {string} what
 * @param {number} value
 * @param {'<=' | '>='} relation
 * @param {number} bound
 */
export function check(what, value, relation, bound, unit = '') {
  const kept = relation === '<=' ? value <= bound : value >= bound;
  console.log(`  ${kept ? 'ok  ' : 'MISS'} ${what}: ${digits(value)}${unit} (wanted ${relation} ${bound}${unit})`);
  return kept;
}
