/** Timing in turns: on a shared machine only what ran side by side can be compared. */
import { performance } from 'node:perf_hooks';

/**
 * Runs the candidates in turn, `rounds` times each after `warmup` rounds, and returns the milliseconds of each: those its
 * promise took, or those it says, where only a part of it counts.
 * @param {Record<string, () => Promise<unknown>>} candidates
 * @param {{ rounds: number, warmup?: number }} options
 * @returns {Promise<Record<string, number[]>>}
 */
export async function inTurns(candidates, { rounds, warmup = 1 }) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = -warmup; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      let said;
      const ms = await timed(async () => (said = await run()));
      if (round >= 0) times[name].push(typeof said === 'number' ? said : ms);
    }
  }
  return times;
}

/** The milliseconds `work` takes. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The `q`-quantile of `values`. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export const median = (values) => quantile(values, 0.5);

/** `{ n, p50, p99, min, max }` of `values`. */
export function summary(values) {
  const [min, p50, p99, max] = [0, 0.5, 0.99, 1].map((q) => quantile(values, q));
  return { n: values.length, p50, p99, min, max };
}

/** The median of the round-by-round ratios a/b: what a drifting machine disturbs least. */
export function pairedRatio(a, b) {
  const pairs = Math.min(a.length, b.length);
  return median(a.slice(0, pairs).map((value, i) => value / b[i]));
}

/** `work` on every item, `concurrency` at a time; the first error ends it. */
export async function inParallel(items, concurrency, work) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
