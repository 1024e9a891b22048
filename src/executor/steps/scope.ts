/** A unit of work with its own signal: a run, an iteration, a branch or a step. Aborting it aborts the scopes below it. */
import { setMaxListeners } from 'node:events';
import { onAbort, throwIfAborted } from '../../base/abort.js';
import { InvalidOptionsError, messageOf, TaskAbortedError } from '../../base/errors.js';
import { TimeLimitError } from '../executor-error.js';

export class Scope {
  /** Name of the work, for messages: `propose of branch 2`. */
  readonly what: string;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #unlink: () => void;
  #ended = false;

  constructor(what: string, parent?: AbortSignal, timeoutMs?: number) {
    this.what = what;
    // Many listeners are not a leak here: each branch, command and wait adds one, and all end with the scope.
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

  /** Error of this scope's own time limit. Undefined if a scope above was aborted. */
  get timeLimit(): TimeLimitError | undefined {
    const { reason } = this.signal;
    return reason instanceof TimeLimitError && reason.what === this.what ? reason : undefined;
  }

  /** Aborts the scope. Only the first reason is kept. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Checks that work may still start. Called before everything that has an effect.
   * @throws TaskAbortedError once aborted; InvalidOptionsError once the work has ended, because a call that was not
   * awaited could change files during a verification.
   */
  check(step: string): void {
    throwIfAborted(this.signal, step);
    if (this.#ended) {
      throw new InvalidOptionsError(`${this.what} is over: ${step} was refused`, {
        hint: 'Await every call before returning, and use the context of the step that runs now.',
      });
    }
  }

  /** Wraps an error caused by the abort in a TaskAbortedError. Returns other errors unchanged. */
  explain(error: unknown, step: string): unknown {
    if (!this.aborted || error instanceof TaskAbortedError) return error;
    const partial = (error as { partial?: unknown } | null)?.partial;
    return new TaskAbortedError(`Aborted during ${step}: ${messageOf(error)}`, { cause: this.signal.reason, partial });
  }

  /** Refuses new work from now on. Running work keeps the signal until the scope above ends. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** Ends the scope ({@link end}) and removes its listener from the parent. */
  close(): void {
    this.end();
    this.#unlink();
    this.#unlink = () => {};
  }
}
