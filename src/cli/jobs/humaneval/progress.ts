/** Shows the progress of a campaign: a live line on a terminal, else a line after every tenth. */
import { formatMs } from '../../terminal/format.js';
import { LiveLines } from '../../terminal/live-lines.js';
import { paint } from '../../terminal/paint.js';
import type { Verdict } from './judge.js';

const TENTHS = 10;

export class Progress implements Disposable {
  readonly #total: number;
  readonly #live = new LiveLines();
  readonly #startedAt = performance.now();
  readonly #ticker: NodeJS.Timeout;
  #passed = 0;
  #failed = 0;
  #running = 0;
  /** Time in milliseconds from the start to the first verdict. */
  firstVerdictMs: number | undefined;

  constructor(total: number) {
    this.#total = total;
    this.#ticker = setInterval(() => this.#draw(), 250).unref();
  }

  started(): void {
    this.#running++;
    this.#draw();
  }

  verdict({ passed }: Verdict): void {
    this.#running--;
    if (passed) this.#passed++;
    else this.#failed++;
    this.firstVerdictMs ??= performance.now() - this.#startedAt;
    this.#draw();
    if (!this.#live.isLive && this.#isMilestone()) process.stderr.write(`${this.#line()}\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
    this.#live.clear();
  }

  get #done(): number {
    return this.#passed + this.#failed;
  }

  /** Returns true at the first verdict, and whenever another tenth is complete. */
  #isMilestone(): boolean {
    const tenth = (done: number) => Math.floor((done * TENTHS) / this.#total);
    return this.#done === 1 || tenth(this.#done) > tenth(this.#done - 1);
  }

  #draw(): void {
    this.#live.update(this.#line());
  }

  #line(): string {
    const { green, red, dim } = paint(process.stderr);
    const elapsedMs = performance.now() - this.#startedAt;
    const width = String(this.#total).length;
    const parts = [
      `${String(this.#done).padStart(width)}/${this.#total}`,
      green(`passed ${this.#passed}`),
      this.#failed > 0 ? red(`failed ${this.#failed}`) : dim('failed 0'),
      dim(`running ${this.#running}`),
    ];
    if (this.#done > 0) {
      parts.push(dim(`${(this.#done / (elapsedMs / 1000)).toFixed(1)}/s`));
      const leftMs = (elapsedMs / this.#done) * (this.#total - this.#done);
      if (leftMs > 0) parts.push(dim(`about ${formatMs(Math.ceil(leftMs / 1000) * 1000)} left`));
    }
    return parts.join('   ');
  }
}
