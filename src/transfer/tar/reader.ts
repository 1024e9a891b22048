import type { ByteReader } from '../byte-reader.js';
import type { TarHeader } from './header.js';
import { BLOCK, decodeHeader, invalid } from './header.js';
import type { PaxFacts } from './pax.js';
import { decodePax } from './pax.js';

/**
 * Maximum size of an extended header. Paths have at most 4 KiB on any host; the rest is for attributes that are
 * skipped.
 */
const MAX_EXTENSION_BYTES = 256 * 1024;
/**
 * Maximum number of extended headers. Writers emit at most one global, one pax, one long name and one long link header.
 */
const MAX_EXTENSIONS = 8;
/** Maximum padding at the end. Writers pad to a record, 10 KiB with GNU tar. */
const MAX_TRAILING_BYTES = 1024 * 1024;

/** An entry. All `size` bytes of its data must be read before the next entry is requested. */
export type TarEntry = TarHeader;

/**
 * Reads a hostile ustar, pax or GNU archive entry by entry, in bounded memory and time. tar-stream's extract is not
 * used because it ends without an error if the archive is cut between two entries, reads forever if no entry follows,
 * copies every global pax record for each entry, and changes names that are not UTF-8.
 *
 * @throws RipcordError `archive-invalid`, and the errors of the reader
 */
export async function* readTar(reader: ByteReader): AsyncGenerator<TarEntry> {
  for (;;) {
    const entry = await nextEntry(reader);
    if (entry === undefined) break;
    yield entry;
    await reader.skip((BLOCK - (entry.size % BLOCK)) % BLOCK);
  }
  await drainTrailing(reader);
}

async function nextEntry(reader: ByteReader): Promise<TarEntry | undefined> {
  let facts: PaxFacts = {};
  for (let extensions = 0; extensions <= MAX_EXTENSIONS; extensions++) {
    const block = await reader.read(BLOCK);
    if (block === undefined) throw invalid('it ends without an end mark');
    const header = decodeHeader(block);
    if (header === undefined) {
      if (extensions > 0) throw invalid('extended header without an entry');
      return undefined;
    }
    switch (header.kind) {
      case 'pax':
        facts = { ...facts, ...decodePax(await extensionData(reader, header)) };
        break;
      case 'pax-global':
        // In practice these are comments and times. A path or size for every entry would be meaningless, so skip them.
        await extensionData(reader, header);
        break;
      case 'gnu-long-name':
        facts = { path: untilNul(await extensionData(reader, header)), ...facts };
        break;
      case 'gnu-long-link':
        facts = { linkPath: untilNul(await extensionData(reader, header)), ...facts };
        break;
      default:
        return withFacts(header, facts);
    }
  }
  throw invalid('too many extended headers');
}

async function extensionData(reader: ByteReader, header: TarHeader): Promise<Buffer> {
  if (header.size > MAX_EXTENSION_BYTES) throw invalid(`extended header of ${header.size} bytes`);
  if (header.size === 0) return Buffer.alloc(0);
  const padded = Math.ceil(header.size / BLOCK) * BLOCK;
  const data = await reader.read(padded);
  if (data === undefined) throw invalid('truncated extended header');
  return Buffer.from(data.subarray(0, header.size));
}

function withFacts(header: TarHeader, facts: PaxFacts): TarEntry {
  const entry = { ...header };
  if (facts.path !== undefined) entry.name = facts.path;
  if (facts.linkPath !== undefined) entry.linkName = facts.linkPath;
  if (facts.size !== undefined) entry.size = facts.size;
  if (facts.sparse) entry.kind = 'unsupported';
  // Archives older than ustar mark a directory with a trailing slash. The name field alone is not enough, because it
  // may be truncated.
  if (entry.kind === 'file' && entry.name.at(-1) === 0x2f) entry.kind = 'directory';
  const mayHaveData = entry.kind === 'file' || entry.kind === 'hard-link' || entry.kind === 'unsupported';
  // Readers disagree on whether data follows in this case, so two readers could see two different archives.
  if (!mayHaveData && entry.size > 0) throw invalid(`${entry.kind} with data`);
  return entry;
}

function untilNul(data: Buffer): Buffer {
  const end = data.indexOf(0);
  return end === -1 ? data : data.subarray(0, end);
}

/** Reads the padding, so that the writer does not block. Other data after the end is an error. */
async function drainTrailing(reader: ByteReader): Promise<void> {
  let taken = 0;
  for (let rest = await reader.readAny(); rest !== undefined; rest = await reader.readAny()) {
    taken += rest.byteLength;
    if (taken > MAX_TRAILING_BYTES || rest.some((byte) => byte !== 0)) throw invalid('data after its end');
  }
}
