/** Turns counters of CPU time into percentages over time. */
import type { SandboxDocument } from '../api/types.js';

const SAMPLES = 30;

interface Series {
  cpuMs: number;
  at: number;
  /** CPU use in percent of one CPU, oldest first. */
  percent: number[];
}

export class UsageHistory {
  readonly #series = new Map<string, Series>();

  take(sandboxes: readonly SandboxDocument[], at: number): void {
    const alive = new Set(sandboxes.map(({ id }) => id));
    for (const id of this.#series.keys()) if (!alive.has(id)) this.#series.delete(id);
    for (const { id, stats } of sandboxes) {
      const cpuMs = stats?.cpuMs;
      if (cpuMs === undefined) continue;
      const series = this.#series.get(id);
      if (!series) {
        this.#series.set(id, { cpuMs, at, percent: [] });
        continue;
      }
      // Skip samples that are too close together: rounding of the counter would dominate the result.
      const elapsed = at - series.at;
      if (elapsed < 500) continue;
      series.percent.push(Math.max(0, ((cpuMs - series.cpuMs) / elapsed) * 100));
      if (series.percent.length > SAMPLES) series.percent.shift();
      series.cpuMs = cpuMs;
      series.at = at;
    }
  }

  /** Returns the history of a sandbox. Empty until there are two samples. */
  percent(id: string): readonly number[] {
    return this.#series.get(id)?.percent ?? [];
  }
}
