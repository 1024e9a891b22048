/** A stretch of work with a signal of its own: a run, a branch, a step. What it stands over stops when it does. */
import { setMaxListeners } from 'node:events';
import { onAbort, throwIfAborted } from '../../base/abort.js';
import { InvalidOptionsError, messageOf, TaskAbortedError } from '../../base/errors.js';
import { TimeLimitError } from '../executor-error.js';

export class Scope {
  /** What runs, for messages: `propose of branch 2`. */
  readonly what: string;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #unlink: () => void;
  #over = false;

  constructor(what: string, parent?: AbortSignal, timeoutMs?: number) {
    this.what = what;
    // One listener for each branch, command and wait is no leak: they all end with the scope.
    setMaxListeners(0, this.#controller.signal);
    this.#unlink = onAbort(parent, () => this.abort(parent!.reason));
    if (timeoutMs !== undefined && !this.aborted) {
      this.#timer = setTimeout(() => this.abort(new TimeLimitError(what, timeoutMs)), timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.signal.aborted;
  }

  /** Set when this scope's own time was up, not when somebody above was aborted. */
  get timeLimit(): TimeLimitError | undefined {
    const { reason } = this.signal;
    return reason instanceof TimeLimitError && reason.what === this.what ? reason : undefined;
  }

  /** The first reason stays. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * The check before everything that has an effect.
   * @throws TaskAbortedError once aborted; InvalidOptionsError once the work has ended: what comes then is a call nobody
   * waited for, and it would change files behind a verification's back.
   */
  check(step: string): void {
    throwIfAborted(this.signal, step);
    if (this.#over) {
      throw new InvalidOptionsError(`${this.what} is over: ${step} was refused`, {
        hint: 'Await every call before returning, and use the context of the step that runs now.',
      });
    }
  }

  /** In our own words what was thrown because of the abort. */
  explain(error: unknown, step: string): unknown {
    if (!this.aborted || error instanceof TaskAbortedError) return error;
    const partial = (error as { partial?: unknown } | null)?.partial;
    return new TaskAbortedError(`Aborted during ${step}: ${messageOf(error)}`, { cause: this.signal.reason, partial });
  }

  /** No new work from here on. What still runs stays under the signal until the scope above ends. */
  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  /** {@link end}, and out of the parent's listeners. */
  close(): void {
    this.end();
    this.#unlink();
    this.#unlink = () => {};
  }
}
