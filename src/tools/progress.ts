/** Reports the progress of a long command: its last line of output, at intervals. */

import { plainText } from '../base/harmless-text.js';
import type { ToolProgress } from './define.js';

/** Shortest and longest interval between reports: clients give up on a call without progress. */
const LEAST_MS = 250;
const MOST_MS = 5000;
const LINE_CHARACTERS = 200;
/** Maximum length of the incomplete line that is kept: the end of a longer one. */
const HELD_CHARACTERS = 2000;

export class ProgressReporter implements Disposable {
  readonly #report: (progress: ToolProgress) => void;
  readonly #startedAt = performance.now();
  readonly #heartbeat: NodeJS.Timeout;
  #reportedAt = performance.now();
  #pending: NodeJS.Timeout | undefined;
  #unfinished = '';
  #line = '';

  constructor(report: (progress: ToolProgress) => void) {
    this.#report = report;
    this.#heartbeat = setInterval(() => this.#send(), MOST_MS);
  }

  /** Takes a chunk of output. It is bound, for use as `onStdout` and `onStderr`. */
  readonly take = (chunk: Uint8Array): void => {
    const text = this.#unfinished + Buffer.from(chunk).toString('utf8');
    const lines = text.split('\n');
    this.#unfinished = lines.pop()!.slice(-HELD_CHARACTERS);
    const last = lines.findLast((line) => line.trim() !== '');
    // A progress bar never finishes its line.
    const shown = last ?? (text.includes('\r') ? text : undefined);
    if (shown === undefined) return;
    this.#line = plainText(shown.slice(-HELD_CHARACTERS)).trim().slice(0, LINE_CHARACTERS);
    const due = this.#reportedAt + LEAST_MS - performance.now();
    if (due <= 0) this.#send();
    else this.#pending ??= setTimeout(() => this.#send(), due);
  };

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#pending);
  }

  #send(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    this.#reportedAt = performance.now();
    this.#report({ elapsedMs: Math.round(this.#reportedAt - this.#startedAt), line: this.#line });
  }
}
