/** Prints the measurements of a loop at its end. */
import type { Settled } from './audit.js';

export function percentile(values: number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)] ?? Number.NaN);
}

export const summary = (values: number[]): string =>
  `p50 ${percentile(values, 0.5)} ms, p99 ${percentile(values, 0.99)} ms, max ${percentile(values, 1)} ms`;

export function report(title: string, runs: Settled[], more = ''): void {
  if (runs.length === 0) return;
  const clean = summary(runs.map(({ cleanMs }) => cleanMs));
  const watchdog = summary(runs.map(({ watchdogMs }) => watchdogMs));
  console.log(`[chaos] ${title}: ${runs.length} runs, clean after ${clean}; watchdog gone after ${watchdog}${more}`);
}

/** How often loops repeat: `long` with RIPCORD_LONG=1, `RIPCORD_CHAOS_REPEATS` over both. */
export function repeats(ci: number, long: number): number {
  const asked = Number(process.env.RIPCORD_CHAOS_REPEATS);
  return asked > 0 ? asked : scaled(ci, long);
}

/** A size or time that is larger with RIPCORD_LONG=1. */
export function scaled<T>(ci: T, long: T): T {
  return process.env.RIPCORD_LONG === '1' ? long : ci;
}

/** A reproducible source of numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
