import { RipcordError } from '../base/errors.js';

/** What a transfer may amount to in all. */
export interface TransferLimits {
  /** Sum of all file sizes. Default 1 GiB. */
  maxBytes?: number;
  /** Files, directories, links and what was refused. Default 100,000. */
  maxEntries?: number;
}

/**
 * The paths of a tree have this many characters for each entry that it may have: paths of 4 KiB for 100,000 files would fill
 * the memory of the host. Real trees (a large node_modules) have 60 to 110.
 */
const PATH_CHARACTERS_PER_ENTRY = 128;
/** A few entries may have the longest paths there are. */
const MIN_ENTRIES = 1000;

const DEFAULT_MAX_BYTES = 1024 ** 3;
const DEFAULT_MAX_ENTRIES = 100_000;

/** Counts towards the limits and throws before they are passed. */
export class Budget {
  bytes = 0;
  entries = 0;
  #pathCharacters = 0;
  readonly maxBytes: number;
  readonly maxEntries: number;

  constructor(
    limits: TransferLimits,
    private readonly what: string,
  ) {
    this.maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
    this.maxEntries = limits.maxEntries ?? DEFAULT_MAX_ENTRIES;
  }

  addEntry(path: { readonly length: number }): void {
    this.entries += 1;
    this.#pathCharacters += path.length;
    if (this.#pathCharacters > Math.max(this.maxEntries, MIN_ENTRIES) * PATH_CHARACTERS_PER_ENTRY) {
      throw new RipcordError(
        'too-many-entries',
        `The paths of ${this.what} are too long: over ${PATH_CHARACTERS_PER_ENTRY} characters for each of ${this.maxEntries} entries (maxEntries)`,
        { hint: 'Raise maxEntries, or leave directories out.', details: { maxEntries: this.maxEntries } },
      );
    }
    if (this.entries > this.maxEntries) {
      throw new RipcordError('too-many-entries', `${this.what} has more than ${this.maxEntries} entries`, {
        hint: 'Raise maxEntries, or leave directories out.',
        details: { maxEntries: this.maxEntries },
      });
    }
  }

  addBytes(size: number): void {
    this.bytes += size;
    if (this.bytes > this.maxBytes) {
      throw new RipcordError('file-too-large', `${this.what} has more than ${this.maxBytes} bytes`, {
        hint: 'Raise maxBytes, or leave files out.',
        details: { maxBytes: this.maxBytes },
      });
    }
  }
}
