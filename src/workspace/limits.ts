import { RipcordError } from '../base/errors.js';

/** Limits of a transfer. */
export interface TransferLimits {
  /** Maximum sum of all file sizes, in bytes. Default 1 GiB. */
  maxBytes?: number;
  /** Maximum number of entries: files, directories, links and refused entries. Default 100,000. */
  maxEntries?: number;
}

/**
 * Maximum number of path characters for each allowed entry: paths of 4 KiB for 100,000 files would fill the memory of
 * the host. Real trees (a large node_modules) have 60 to 110.
 */
const PATH_CHARACTERS_PER_ENTRY = 128;
/** Minimum number of entries for this limit, so that a few entries may have paths of maximum length. */
const MIN_ENTRIES = 1000;

const DEFAULT_MAX_BYTES = 1024 ** 3;
const DEFAULT_MAX_ENTRIES = 100_000;

/** Counts entries and bytes, and throws before a limit is exceeded. */
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
