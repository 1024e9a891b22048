import { InFlight } from '../base/concurrency.js';
import { RipcordError } from '../base/errors.js';
import { writeFully } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { DEFAULT_MAX_DEPTH } from '../base/path-rules.js';
import type { TransferLimits } from '../workspace/limits.js';
import { Budget } from '../workspace/limits.js';
import type { OnRefused, Refused } from '../workspace/refused.js';
import { RefusedLog } from '../workspace/refused.js';
import { ByteReader } from './byte-reader.js';
import type { Accepted, Collisions, KeepLink } from './extract-rules.js';
import { ExtractRules } from './extract-rules.js';
import { HostDirectory, InTheWay, writeParts } from './host-directory.js';
import type { TarEntry } from './tar/reader.js';
import { readTar } from './tar/reader.js';

export interface ExtractOptions extends TransferLimits {
  /** Maximum size of one file, in bytes. Default: `maxBytes`. */
  maxFileBytes?: number;
  /** Maximum depth of an entry; deeper ones are refused. Default 128. */
  maxDepth?: number;
  /** Handling of entries that must not be created. Default `report`. */
  onRefused?: OnRefused;
  /** Handling of names that differ only in case or Unicode form, in the archive or on the host. Default `refuse`. */
  collisions?: Collisions;
  /**
   * Accepts links that keep their text although they lead outside: those of the seed that the sandbox did not change.
   * Links are created last, and no file is written through one.
   */
  keepLink?: KeepLink;
  signal?: AbortSignal;
}

export interface Extracted {
  files: number;
  directories: number;
  links: number;
  bytes: number;
  /** Refused entries; at most 1,000 of `refusedCount`. */
  refused: Refused[];
  refusedCount: number;
}

/** Files up to this size are buffered and written while the next entries are read. */
const SMALL_FILE_BYTES = 256 * 1024;
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/**
 * Extracts a tar archive from a sandbox into a host directory, which is created if it does not exist. The archive is
 * treated as hostile: no entry is ever written outside `into`, neither by its name nor through a link, including links
 * already on the host. Refused are `..`, absolute paths, NUL bytes, names that are not UTF-8, too long or too deep,
 * hard links, links that lead outside, devices, FIFOs, entries behind a link or a file, and repeated names.
 *
 * Times of files and of new directories are kept; owners and extended attributes are not. The mode becomes `mode &
 * 0755`, always accessible to the owner, less the umask. Existing files and links are replaced by rename. Directories
 * are merged, never replaced. Links are created last. Nothing is deleted.
 *
 * @throws RipcordError `archive-invalid` for a damaged, truncated or endless archive and, with `onRefused: 'throw'`,
 * for the first refused entry; `file-too-large` and `too-many-entries` before the limit is exceeded; FileError if the
 * host cannot write; the signal's reason if aborted. Files completed by then stay, unfinished ones are removed.
 */
export async function extractTar(
  source: AsyncIterable<Uint8Array>,
  into: string,
  options: ExtractOptions = {},
): Promise<Extracted> {
  options.signal?.throwIfAborted();
  const reader = new ByteReader(source, options.signal);
  try {
    const target = await HostDirectory.open(into, { checkNames: (options.collisions ?? 'refuse') === 'refuse' });
    return await new Extraction(reader, target, options).run();
  } finally {
    reader.close();
  }
}

class Extraction {
  private readonly rules: ExtractRules;
  private readonly budget: Budget;
  private readonly refused: RefusedLog;
  private readonly writes = new InFlight(MAX_HELD_BYTES);
  private readonly links: Accepted[] = [];
  private readonly counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  private readonly made = new Set<string>(['']);
  private readonly times = new Map<string, number>();

  constructor(
    private readonly reader: ByteReader,
    private readonly target: HostDirectory,
    private readonly options: ExtractOptions,
  ) {
    this.budget = new Budget(options, 'The archive');
    // Directories that the archive does not list count as entries too.
    this.rules = new ExtractRules(
      options.maxDepth ?? DEFAULT_MAX_DEPTH,
      options.collisions ?? 'refuse',
      () => this.budget.addEntry(''),
      options.keepLink,
    );
    this.refused = new RefusedLog(options.onRefused ?? 'report', 'archive-invalid');
  }

  async run(): Promise<Extracted> {
    try {
      for await (const entry of readTar(this.reader)) {
        this.options.signal?.throwIfAborted();
        await this.take(entry);
      }
      await this.writes.drain();
      for (const link of this.links) {
        this.options.signal?.throwIfAborted();
        await this.create(link.path, () => this.makeLink(link));
      }
      // Inner directories first: set a directory's time after the last change in it.
      for (const [path, mtimeMs] of [...this.times].reverse()) await this.target.setDirectoryTime(path, mtimeMs);
    } catch (error) {
      await this.writes.settle();
      await this.target.discardUnfinished();
      throw error;
    }
    return { ...this.counts, refused: this.refused.listed, refusedCount: this.refused.total };
  }

  /** Extracts one entry. Counts it first, because refused entries cost time as well. */
  private async take(entry: TarEntry): Promise<void> {
    this.budget.addEntry(entry.name);
    this.budget.addBytes(entry.size);
    const accepted = this.rules.check(entry);
    if (accepted === 'root') return;
    if ('reason' in accepted) {
      this.refused.add(entry.name, accepted.reason);
      return await this.reader.skip(entry.size);
    }
    this.checkFileSize(entry);
    const { path, kind } = accepted;
    if (kind === 'directory') {
      this.times.set(path, entry.mtimeMs);
      await this.create(path, () => this.makeDirectories(path, directoryMode(entry.mode)));
    } else if (kind === 'link') this.links.push(accepted);
    else await this.takeFile(path, entry);
  }

  private async takeFile(path: string, entry: TarEntry): Promise<void> {
    const { size } = entry;
    const mode = (entry.mode & 0o755) | 0o600;
    if (!(await this.create(path, () => this.makeDirectories(parentOf(path), 0o755)))) return this.reader.skip(size);
    if (size > SMALL_FILE_BYTES) {
      const parts = this.reader.parts(size);
      const written = await this.create(path, async () => {
        await this.target.writeFile(path, mode, (fd) => writeParts(fd, parts), entry.mtimeMs);
        this.countFile(size);
      });
      // Only the check before the first byte can refuse, so the whole file is still in the archive.
      if (!written) await this.reader.skip(size);
      return;
    }
    const data = size === 0 ? Buffer.alloc(0) : await this.reader.read(size);
    if (data === undefined) throw new RipcordError('archive-invalid', 'The archive is truncated within a file');
    await this.writes.start(size, async () => {
      this.options.signal?.throwIfAborted();
      await this.create(path, async () => {
        await this.target.writeFile(path, mode, (fd) => writeFully(fd, data), entry.mtimeMs);
        this.countFile(size);
      });
    });
  }

  /** Runs `effect`. Returns false and reports the entry if an existing entry of the host is in the way. */
  private async create(path: string, effect: () => Promise<void>): Promise<boolean> {
    try {
      await effect();
      return true;
    } catch (error) {
      if (!(error instanceof InTheWay)) throw error;
      this.refused.add(path, error.message);
      return false;
    }
  }

  private async makeDirectories(path: string, mode: number): Promise<void> {
    if (this.made.has(path)) return;
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      const directory = end === -1 ? path : path.slice(0, end);
      if (!this.made.has(directory)) {
        await this.target.makeDirectory(directory, end === -1 ? mode : 0o755);
        this.made.add(directory);
        this.counts.directories += 1;
      }
      if (end === -1) return;
    }
  }

  private async makeLink(link: Accepted): Promise<void> {
    const parent = parentOf(link.path);
    await this.makeDirectories(parent, 0o755);
    await this.target.makeLink(link.path, link.linkTarget);
    this.counts.links += 1;
  }

  private countFile(size: number): void {
    this.counts.files += 1;
    this.counts.bytes += size;
  }

  private checkFileSize(entry: TarEntry): void {
    const { maxFileBytes } = this.options;
    if (maxFileBytes === undefined || entry.size <= maxFileBytes) return;
    throw new RipcordError(
      'file-too-large',
      `${printable(entry.name)} has ${entry.size} bytes, more than ${maxFileBytes}`,
      {
        details: { path: printable(entry.name), size: entry.size, maxFileBytes },
      },
    );
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function directoryMode(mode: number): number {
  return (mode & 0o755) | 0o700;
}
