/** Ctrl+C and its like, for the length of one command line. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Cause = (typeof SIGNALS)[number] | 'SIGPIPE';

/**
 * The first signal aborts: commands get their grace, sandboxes are removed. The second one calls what `onSecond` was
 * given, to skip the grace; with nothing to hurry it ends the process. A reader of our output that is gone (`| head`)
 * counts as a signal, too.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Cause, () => void>(SIGNALS.map((signal) => [signal, () => this.#trip(signal)]));
  #cause: Cause | undefined;
  #onSecond: (() => void) | undefined;

  constructor() {
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
    process.stdout.on('error', this.#outputBroke);
    // Nobody reads what we would say about it.
    process.stderr.on('error', this.#outputBroke);
  }

  /** Fires at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What came first; `undefined` while nothing did. */
  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** 128 + the signal's number, once one came. */
  get exitCode(): number | undefined {
    return this.#cause && 128 + constants.signals[this.#cause];
  }

  /** Sets what a second signal does; returns what takes it back. */
  onSecond(hurry: () => void): () => void {
    this.#onSecond = hurry;
    return () => {
      this.#onSecond = undefined;
    };
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    // The listeners for broken output stay: it may still break while the last lines are flushed.
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
