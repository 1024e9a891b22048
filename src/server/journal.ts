/** Events with ids, kept within a bound: readers come, go, and come back to where they were. */

import { News } from '../base/news.js';
import { toJson } from '../executor/describe.js';

/** `json` is the event, written once for all its readers. */
interface JournalEntry {
  id: number;
  json: string;
  /** What decides who may read it; not part of the event. */
  scope: string | undefined;
}

/** A reader was so late that entries are gone: the ids it will never see. */
interface JournalGap {
  gap: { from: number; to: number };
}

/** Trimmed in pieces: moving a long array at each entry would cost more than it keeps. */
const TRIM = 0.25;

export class Journal {
  readonly #maxBytes: number;
  #entries: JournalEntry[] = [];
  #bytes = 0;
  #lastId = 0;
  #ended = false;
  readonly #news = new News();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get lastId(): number {
    return this.#lastId;
  }

  append(event: object, scope?: string): number {
    const json = toJson(event);
    this.#entries.push({ id: ++this.#lastId, json, scope });
    this.#bytes += json.length;
    if (this.#bytes > this.#maxBytes) this.#trim();
    this.#news.tell();
    return this.#lastId;
  }

  /** No more entries come; what is kept can still be read. */
  end(): void {
    this.#ended = true;
    this.#news.tell();
  }

  /** Lets go of what is kept. */
  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  /** Where a reader that has seen `after` goes on: an id that is yet to come is another server's, before a restart. */
  resumeAt(after: number): number {
    return after > this.#lastId ? this.#firstId - 1 : after;
  }

  /**
   * What came after the entry `after`, then what comes, until the end or until `signal` fires. A reader with another
   * server's id gets all that is kept, after a gap: from 1 on, which is empty where everything is kept.
   */
  read(after: number, signal: AbortSignal): AsyncGenerator<JournalEntry | JournalGap> {
    // Now, not when the first entry is asked for: by then the ids may have caught up.
    const from = this.resumeAt(after);
    return this.#read(from, signal, from !== after);
  }

  async *#read(after: number, signal: AbortSignal, anew: boolean): AsyncGenerator<JournalEntry | JournalGap> {
    let next = after + 1;
    if (anew) yield { gap: { from: 1, to: after } };
    for (;;) {
      while (next <= this.#lastId) {
        if (signal.aborted) return;
        const first = this.#firstId;
        if (next < first) {
          yield { gap: { from: next, to: first - 1 } };
          next = first;
          continue;
        }
        yield this.#entries[next - first]!;
        next++;
      }
      if (this.#ended || signal.aborted) return;
      await this.#news.next(signal);
    }
  }

  /** Of what is kept; the next one's when nothing is. */
  get #firstId(): number {
    return this.#entries[0]?.id ?? this.#lastId + 1;
  }

  #trim(): void {
    const target = this.#maxBytes * (1 - TRIM);
    let drop = 0;
    // The last one stays, however long it is.
    while (this.#bytes > target && drop < this.#entries.length - 1) this.#bytes -= this.#entries[drop++]!.json.length;
    this.#entries.splice(0, drop);
  }
}
