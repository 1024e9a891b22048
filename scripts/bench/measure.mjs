/** Timing in turns: on a shared machine only what ran side by side can be compared. */
import { performance } from 'node:perf_hooks';

/**
 * Runs the candidates in turn, `rounds` times each after `warmup` rounds, and returns the milliseconds of each.
 * @param {Record<string, () => Promise<unknown>>} candidates
 * @param {{ rounds: number, warmup?: number }} options
 * @returns {Promise<Record<string, number[]>>}
 */
export async function inTurns(candidates, { rounds, warmup = 1 }) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = -warmup; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const start = performance.now();
      await run();
      if (round >= 0) times[name].push(performance.now() - start);
    }
  }
  return times;
}

/** The `q`-quantile of `values`. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/** `{ n, min, p50, p99, max }` of `values`. */
export function summary(values) {
  return {
    n: values.length,
    min: quantile(values, 0),
    p50: quantile(values, 0.5),
    p99: quantile(values, 0.99),
    max: quantile(values, 1),
  };
}

/** The median of the round-by-round ratios a/b: what a drifting machine disturbs least. */
export function pairedRatio(a, b) {
  return quantile(
    a.map((value, i) => value / b[i]),
    0.5,
  );
}
