/** Measures the longest turn of the event loop: the CPU time of its own code, and the rest. */
import { closeSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver, performance } from 'node:perf_hooks';

/** Shorter ones are not looked at. */
const LONG_MS = 10;

/**
 * The turns in which this thread was on a processor for longer than 10 ms, the longest first. `ownMs` is the time on a
 * processor less that of the collector: waiting for a busy machine is not the doing of our code.
 * @returns {Promise<{ ownMs: number, gcMs: number, wallMs: number, from: number, to: number }[]>}
 */
export async function longTurns(work) {
  const collections = [];
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  // Earlier work is not measured.
  await rest();
  const watch = new Watch();
  try {
    await work();
    await rest();
  } finally {
    watch.close();
    // The entries of collections come a turn later.
    await rest();
    observer.disconnect();
  }
  return watch.turns.map((turn) => told(turn, collections)).sort((a, b) => b.ownMs - a.ownMs);
}

const rest = () => new Promise((resolve) => setTimeout(resolve, 20));

function told({ from, to, cpuMs }, collections) {
  const gcMs = collections.reduce((sum, { startTime, duration }) => {
    return sum + Math.max(0, Math.min(to, startTime + duration) - Math.max(from, startTime));
  }, 0);
  return { ownMs: Math.max(0, cpuMs - gcMs), gcMs, wallMs: to - from, from, to };
}

/** Asks at every turn how long the thread has been on a processor, in nanoseconds: Linux counts it for each thread. */
class Watch {
  turns = [];
  #file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  #buffer = Buffer.alloc(64);
  #last = { at: performance.now(), cpuMs: this.#cpuMs() };
  #timer;

  constructor() {
    const look = () => {
      const now = { at: performance.now(), cpuMs: this.#cpuMs() };
      const cpuMs = now.cpuMs - this.#last.cpuMs;
      if (cpuMs > LONG_MS) this.turns.push({ from: this.#last.at, to: now.at, cpuMs });
      this.#last = now;
      this.#timer = setTimeout(look, 1);
    };
    this.#timer = setTimeout(look, 1);
  }

  close() {
    clearTimeout(this.#timer);
    closeSync(this.#file);
  }

  #cpuMs() {
    const length = readSync(this.#file, this.#buffer, 0, 64, 0);
    return Number(this.#buffer.toString('latin1', 0, length).split(' ')[0]) / 1e6;
  }
}
