import { createLogUpdate } from 'log-update';
import { stripControlSequences } from '../../base/harmless-text.js';
import { screenSize } from './raw-terminal.js';

const INTERVAL_MS = 80;

/** Lines on stderr that change in place. Prints nothing if stderr is not a terminal. */
export class LiveLines implements Disposable {
  readonly isLive = process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  readonly #update = createLogUpdate(process.stderr, { showCursor: true });
  #lines: readonly string[] = [];
  #shown = false;
  #timer: NodeJS.Timeout | undefined;

  /** Shows `lines` soon. A later call before that replaces them. */
  update(...lines: string[]): void {
    if (!this.isLive) return;
    this.#lines = lines;
    this.#timer ??= setTimeout(() => this.#draw(), this.#shown ? INTERVAL_MS : 0);
  }

  /** Removes the lines, so that something else can be printed. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown) this.#update.clear();
    this.#shown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    this.#timer = undefined;
    this.#shown = true;
    this.#update(this.#fitting().join('\n'));
  }

  /** Returns as many lines as fit the screen, each cut to its width: lines that wrap or scroll away could not be erased. */
  #fitting(): string[] {
    const { cols, rows } = screenSize(process.stderr);
    const room = Math.max(1, rows - 2);
    const more = this.#lines.length - room;
    const lines = more > 0 ? [...this.#lines.slice(0, room - 1), `… and ${more + 1} more`] : this.#lines;
    return lines.map((line) => {
      const plain = stripControlSequences(line);
      return plain.length < cols ? line : plain.slice(0, cols - 1);
    });
  }
}
