/** Handles Ctrl+C and other signals while one command line runs. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Cause = (typeof SIGNALS)[number] | 'SIGPIPE';

/**
 * Aborts at the first signal: commands get their grace period, then sandboxes are removed. The second signal calls the
 * function given to `onSecond()`, which skips the grace period. Without such a function the second signal ends the
 * process. A closed output pipe (`| head`) counts as a signal, too.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Cause, () => void>(SIGNALS.map((signal) => [signal, () => this.#trip(signal)]));
  #cause: Cause | undefined;
  #onSecond: (() => void) | undefined;

  constructor() {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
    process.stdout.on('error', this.#outputBroke);
    // If stderr is broken, no message about it can be read.
    process.stderr.on('error', this.#outputBroke);
  }

  /** Returns the abort signal that the first signal aborts. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Returns the name of the first signal; `undefined` before it. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** Returns 128 + the number of the first signal; `undefined` before it. */
  get exitCode(): number | undefined {
    return this.#cause && 128 + constants.signals[this.#cause];
  }

  /** Sets the function that a second signal calls. Returns a function that unsets it. */
  onSecond(hurry: () => void): () => void {
    this.#onSecond = hurry;
    return () => {
      this.#onSecond = undefined;
    };
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    // The listeners for broken output stay, because output may still break while the last lines are flushed.
  }

  readonly #outputBroke = () => {
    if (this.#cause === undefined) this.#trip('SIGPIPE');
  };

  #trip(cause: Cause): void {
    if (this.#cause !== undefined) {
      if (this.#onSecond) this.#onSecond();
      else process.exit(this.exitCode);
      return;
    }
    this.#cause = cause;
    this.#controller.abort(new Error(`interrupted by ${cause}`));
  }
}
