/** A bounded log of events with ids. A reader that reconnects can continue at its last id. */

import { News } from '../base/news.js';
import { toJson } from '../executor/describe.js';

/** An entry of the journal. `json` is the event, serialized once for all readers. */
interface JournalEntry {
  id: number;
  json: string;
  /** Name of the caller who may read the entry. Not part of the event. */
  scope: string | undefined;
}

/** Ids of entries that were dropped before the reader got to them. */
interface JournalGap {
  gap: { from: number; to: number };
}

/** Fraction to drop at a time. Dropping one entry at a time would move a long array for each new entry. */
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

  /** Ends the journal. Kept entries can still be read. */
  end(): void {
    this.#ended = true;
    this.#news.tell();
  }

  /** Drops all kept entries. */
  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  /**
   * Returns the id after which a reader continues. If `after` is above the last id, it comes from a server before a restart:
   * the reader then gets all kept entries.
   */
  resumeAt(after: number): number {
    return after > this.#lastId ? this.#firstId - 1 : after;
  }

  /**
   * Yields the entries after `after`, then new ones, until the end or until `signal` fires. A reader with an id of a
   * server before a restart first gets a gap that starts at 1 (empty if all entries are kept), then all kept entries.
   */
  read(after: number, signal: AbortSignal): AsyncGenerator<JournalEntry | JournalGap> {
    // Compare the ids now, not at the first read: by then new entries may have reached the reader's id.
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

  /** Id of the first kept entry. If none is kept, the id of the next one. */
  get #firstId(): number {
    return this.#entries[0]?.id ?? this.#lastId + 1;
  }

  #trim(): void {
    const target = this.#maxBytes * (1 - TRIM);
    let drop = 0;
    // Always keep the last entry, even if it alone is above the limit.
    while (this.#bytes > target && drop < this.#entries.length - 1) this.#bytes -= this.#entries[drop++]!.json.length;
    this.#entries.splice(0, drop);
  }
}
