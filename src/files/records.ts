import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { decodeName, pathProblem } from '../base/path-rules.js';
import { sortInTurns, WorkMeter } from '../base/work-meter.js';
import { Budget } from '../workspace/limits.js';
import type { EntryKind, Manifest, ManifestEntry } from '../workspace/manifest.js';
import type { OnRefused, Refused } from '../workspace/refused.js';
import { RefusedLog } from '../workspace/refused.js';

/** An entry as the agent's `list`, `stat` and `manifest` operations describe it. */
export interface FileRecord extends ManifestEntry {
  path: string;
  uid: number;
  gid: number;
}

interface RecordOptions {
  /**
   * Form of the paths. `relative` (list, manifest): below the requested directory, each path once and after its
   * directory. `any` (stat): the path as requested. Default `relative`.
   */
  paths?: 'relative' | 'any';
  /** Maximum number of entries. Default 1,000,000. */
  maxEntries?: number;
  /** Maximum depth of an entry; deeper ones are refused. Default 128. */
  maxDepth?: number;
  /**
   * Handling of names that are not UTF-8, too long or too deep, because a command can create those. Default `report`.
   */
  onRefused?: OnRefused;
}

/** Size of the fields before the two strings: kind, mode, uid, gid, size, mtime, sha256. */
const FIXED_BYTES = 1 + 4 + 4 + 4 + 8 + 8 + 32;
/**
 * Maximum size of a string. It is far above PATH_MAX: commands can nest directories deeper than one path can name, and
 * the agent lists them.
 */
const MAX_STRING_BYTES = 1024 * 1024;
const KINDS: Record<number, EntryKind> = { 102: 'file', 100: 'directory', 108: 'link', 111: 'other' };

/**
 * Decodes the agent's binary records. They come from a sandbox, so records that a correct agent never sends are an
 * error: a wrong length, an unknown kind, `..`, an absolute path, a NUL byte, a repeated path, or a path before its
 * directory. Entries with strange file names, which a command can create, are refused one by one.
 *
 * @throws RipcordError `protocol` for malformed bytes, `too-many-entries`
 */
export function parseRecords(
  bytes: Uint8Array,
  options: RecordOptions = {},
): { records: FileRecord[]; refused: Refused[] } {
  const decoder = new RecordDecoder(options);
  decoder.push(bytes);
  return decoder.end();
}

/** Implements {@link parseRecords} for bytes that arrive in parts. */
export class RecordDecoder {
  private readonly records: FileRecord[] = [];
  private readonly refused: RefusedLog;
  private readonly directories = new Set<string>(['']);
  private readonly paths = new Set<string>();
  private buffer: Buffer = Buffer.alloc(0);
  private filled = 0;
  private readonly budget: Budget;

  constructor(private readonly options: RecordOptions = {}) {
    this.refused = new RefusedLog(options.onRefused ?? 'report', 'file-error');
    this.budget = new Budget({ maxEntries: options.maxEntries ?? 1_000_000 }, "the sandbox's listing");
  }

  push(bytes: Uint8Array): void {
    this.append(bytes);
    const data = this.buffer.subarray(0, this.filled);
    let offset = 0;
    for (let end = recordEnd(data, 0); end !== undefined; end = recordEnd(data, offset)) {
      this.take(data, offset);
      offset = end;
    }
    this.buffer.copyWithin(0, offset, this.filled);
    this.filled -= offset;
  }

  /**
   * Returns the records.
   * @throws RipcordError `protocol` if the bytes end within a record
   */
  end(): { records: FileRecord[]; refused: Refused[] } {
    if (this.filled > 0) throw malformed(`${this.filled} bytes after the last record`);
    return { records: this.records, refused: this.refused.listed };
  }

  /**
   * Appends to the buffer, which grows by doubling, so that a long record that arrives byte by byte costs linear time.
   */
  private append(bytes: Uint8Array): void {
    const needed = this.filled + bytes.byteLength;
    if (needed > this.buffer.byteLength) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(this.buffer.byteLength * 2, 4 * MAX_STRING_BYTES)));
      this.buffer.copy(grown, 0, 0, this.filled);
      this.buffer = grown;
    }
    this.buffer.set(bytes, this.filled);
    this.filled = needed;
  }

  private take(data: Buffer, start: number): void {
    const { maxDepth } = this.options;
    const entry = fixedPart(data, start);
    const rawPath = stringAt(data, start + FIXED_BYTES);
    const rawTarget = stringAt(data, start + FIXED_BYTES + 4 + rawPath.byteLength);
    this.budget.addEntry({ length: rawPath.length + rawTarget.length });
    if (rawPath.includes(0) || rawTarget.includes(0)) throw malformed('NUL in a path', rawPath);

    const path = decodeName(rawPath);
    if (path === undefined) return this.refused.add(rawPath, 'name is not UTF-8');
    if (this.options.paths !== 'any') {
      if (isForged(path)) throw malformed('path leads out of the directory', rawPath);
      const problem = pathProblem(path, maxDepth);
      if (problem !== undefined) return this.refused.add(rawPath, problem);
      this.checkOrder(path, entry.kind);
    }
    if (entry.kind === 'link') {
      const target = decodeName(rawTarget);
      if (target === undefined) return this.refused.add(rawPath, 'link target is not UTF-8');
      entry.linkTarget = target;
    }
    this.records.push({ path, ...entry });
  }

  /**
   * Checks the order of the paths. An entry below a link or a file would be written through it when the records are
   * applied.
   */
  private checkOrder(path: string, kind: EntryKind): void {
    if (this.paths.has(path)) throw malformed('path listed twice', path);
    this.paths.add(path);
    if (!this.directories.has(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))) {
      throw malformed('path listed before its directory', path);
    }
    if (kind === 'directory') this.directories.add(path);
  }
}

/** Returns the records as a manifest, in path order. May reorder `records`. */
export async function manifestFromRecords(records: FileRecord[], signal?: AbortSignal): Promise<Manifest> {
  const sorted = await sortInTurns(records, ({ path }) => path, signal);
  const manifest: Manifest = new Map();
  const meter = new WorkMeter();
  for (const { path, uid: _uid, gid: _gid, ...entry } of sorted) {
    if (meter.spend(path.length)) await meter.rest(signal);
    manifest.set(path, entry);
  }
  return manifest;
}

/** Returns the end of the record at `start`, or undefined if it is incomplete. Lengths are checked first. */
function recordEnd(data: Buffer, start: number): number | undefined {
  let end = start + FIXED_BYTES;
  for (const name of ['path', 'link target']) {
    if (end + 4 > data.byteLength) return undefined;
    const length = data.readUInt32LE(end);
    if (length > MAX_STRING_BYTES) throw malformed(`${name} of ${length} bytes`);
    end += 4 + length;
  }
  return end <= data.byteLength ? end : undefined;
}

function fixedPart(data: Buffer, start: number): Omit<FileRecord, 'path'> {
  const kind = KINDS[data[start]!];
  if (kind === undefined) throw malformed(`unknown kind ${data[start]}`);
  const size = data.readBigUInt64LE(start + 13);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`size ${size}`);
  const hash = data.subarray(start + 29, start + 61);
  return {
    kind,
    mode: data.readUInt32LE(start + 1) & 0o7777,
    uid: data.readUInt32LE(start + 5),
    gid: data.readUInt32LE(start + 9),
    size: kind === 'file' ? Number(size) : 0,
    mtimeMs: Number(data.readBigInt64LE(start + 21)) / 1e6,
    ...(kind === 'file' && !hash.every((byte) => byte === 0) ? { sha256: hash.toString('hex') } : {}),
  };
}

function stringAt(data: Buffer, offset: number): Buffer {
  return data.subarray(offset + 4, offset + 4 + data.readUInt32LE(offset));
}

function isForged(path: string): boolean {
  return (
    path === '' || path.startsWith('/') || path.split('/').some((part) => part === '' || part === '.' || part === '..')
  );
}

function malformed(what: string, path?: string | Uint8Array): RipcordError {
  const shown = path === undefined ? '' : `: ${printable(path)}`;
  return new RipcordError('protocol', `The sandbox sent a malformed file record (${what}${shown})`);
}
