/** Shows runs at work on a terminal: a line for each branch, with its phase, its time and the last line it printed. */

import { safeLine } from '../../base/harmless-text.js';
import { describe } from '../../executor/describe.js';
import type { Phase, RunEvent } from '../../executor/events.js';
import { formatMs } from './format.js';
import { LiveLines } from './live-lines.js';
import { paint } from './paint.js';

interface Row {
  /** Title of the run, number of the branch, and its strategy. */
  title: string;
  phase: Phase | 'waiting';
  startedAt: number;
  output: string;
}

const REDRAW_MS = 250;
const TITLE_WIDTH = 44;

export class BranchView implements Disposable {
  readonly #live = new LiveLines();
  readonly #rows = new Map<string, Row>();
  readonly #strategies = new Map<string, readonly unknown[]>();
  readonly #ticker = setInterval(() => this.#draw(), REDRAW_MS).unref();
  /** Returns the line below the branches, a summary of all runs. */
  #footer: (() => string) | undefined;

  /** @param footer Returns the line below the branches. */
  constructor(footer?: () => string) {
    this.#footer = footer;
  }

  get isLive(): boolean {
    return this.#live.isLive;
  }

  /**
   * Takes an event of a run.
   * @param title Title of the run; empty if there is only one.
   */
  follow(event: RunEvent, title = ''): void {
    if (event.type === 'strategies') this.#strategies.set(event.run, event.strategies);
    if (event.type === 'iteration.ended' || event.type === 'completed') this.#forget(event.run);
    if (!('branch' in event) || event.branch === undefined) return;
    const key = `${event.run} ${event.branch}`;
    if (event.type === 'branch.ended') {
      this.#rows.delete(key);
    } else if (event.type === 'phase.changed') {
      const row = this.#rows.get(key) ?? this.#begin(key, event, title);
      row.phase = event.phase;
    } else if (event.type === 'output') {
      const row = this.#rows.get(key);
      if (row) row.output = event.text.trimEnd().split('\n').at(-1) ?? '';
    }
    this.#draw();
  }

  /** Prints above the live lines, on stdout. */
  print(text: string): void {
    this.#live.clear();
    process.stdout.write(`${text}\n`);
    this.#draw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
    this.#footer = undefined;
    this.#rows.clear();
    this.#live.clear();
  }

  #begin(key: string, { run, branch }: { run: string; branch?: number }, title: string): Row {
    const strategy = describe(this.#strategies.get(run)?.[branch! - 1] ?? '');
    const words = [title, `${branch}`, strategy].filter((word) => word !== '');
    const row: Row = {
      title: safeLine(words.join(' '), TITLE_WIDTH),
      phase: 'waiting',
      startedAt: performance.now(),
      output: '',
    };
    this.#rows.set(key, row);
    return row;
  }

  #forget(run: string): void {
    for (const key of this.#rows.keys()) if (key.startsWith(`${run} `)) this.#rows.delete(key);
  }

  #draw(): void {
    if (!this.isLive) return;
    const { dim, bold } = paint(process.stderr);
    const now = performance.now();
    const lines = [...this.#rows.values()].map(({ title, phase, startedAt, output }) => {
      const time = formatMs(now - startedAt).padStart(7);
      return `${title.padEnd(TITLE_WIDTH)} ${bold(phase.padEnd(9))} ${dim(time)}  ${dim(safeLine(output, 120))}`;
    });
    if (this.#footer) lines.push(this.#footer());
    if (lines.length > 0) this.#live.update(...lines);
    else this.#live.clear();
  }
}
