/** Events of a run as an async iterable with a bounded buffer. */
import type { DroppedEvent, RunEvent } from '../events.js';

export type StreamedEvent = RunEvent | DroppedEvent;

const MAX_BUFFERED = 1000;

/**
 * Event stream of one reader. If the reader is slower than the run, the oldest output is dropped first, then the oldest
 * of the rest. A `dropped` event counts the missing ones.
 */
export class EventStream implements AsyncIterableIterator<StreamedEvent> {
  readonly #run: string;
  readonly #max: number;
  readonly #onClose: (stream: EventStream) => void;
  readonly #buffer: RunEvent[] = [];
  #outputs = 0;
  #dropped = { output: 0, other: 0 };
  #waiting: ((result: IteratorResult<StreamedEvent>) => void)[] = [];
  #ended = false;

  constructor(run: string, onClose: (stream: EventStream) => void, maxBuffered = MAX_BUFFERED) {
    this.#run = run;
    this.#onClose = onClose;
    this.#max = maxBuffered;
  }

  /** @internal Adds an event. */
  push(event: RunEvent): void {
    if (this.#ended) return;
    const reader = this.#waiting.shift();
    if (reader) {
      reader({ done: false, value: event });
      return;
    }
    if (this.#buffer.length >= this.#max && !this.#makeRoom(event)) return;
    this.#buffer.push(event);
    if (event.type === 'output') this.#outputs++;
  }

  /** Ends the stream. Buffered events can still be read. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#waiting.splice(0)) reader({ done: true, value: undefined });
  }

  /** Returns the next event, as soon as there is one. */
  next(): Promise<IteratorResult<StreamedEvent>> {
    const { output, other } = this.#dropped;
    if (output + other > 0) {
      this.#dropped = { output: 0, other: 0 };
      return Promise.resolve({ done: false, value: { type: 'dropped', run: this.#run, output, other } });
    }
    const event = this.#buffer.shift();
    if (event) {
      if (event.type === 'output') this.#outputs--;
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Closes the stream and drops its buffer. Leaving a `for await` loop calls it. */
  return(): Promise<IteratorResult<StreamedEvent>> {
    this.#buffer.length = 0;
    this.end();
    this.#onClose(this);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Drops one buffered event. Returns false if the new event is to be dropped instead. */
  #makeRoom(event: RunEvent): boolean {
    if (this.#outputs > 0) {
      this.#buffer.splice(
        this.#buffer.findIndex(({ type }) => type === 'output'),
        1,
      );
      this.#outputs--;
      this.#dropped.output++;
      return true;
    }
    if (event.type === 'output') {
      this.#dropped.output++;
      return false;
    }
    this.#buffer.shift();
    this.#dropped.other++;
    return true;
  }
}
