import type { ByteReader } from '../byte-reader.js';
import type { TarHeader } from './header.js';
import { BLOCK, decodeHeader, invalid } from './header.js';
import type { PaxFacts } from './pax.js';
import { decodePax } from './pax.js';

/** Paths are at most 4 KiB on any host; the rest is for attributes nobody reads. */
const MAX_EXTENSION_BYTES = 256 * 1024;
/** One global, one pax, one long name and one long link before an entry are all that is ever written. */
const MAX_EXTENSIONS = 8;
/** Writers pad to a record, 10 KiB with GNU tar. */
const MAX_TRAILING_BYTES = 1024 * 1024;

/** The data of an entry must be taken from the reader, all `size` bytes, before the next one is asked for. */
export type TarEntry = TarHeader;

/**
 * Reads a hostile ustar, pax or GNU archive entry by entry, in bounded memory and time. Not tar-stream's extract: that
 * one ends without complaint when the archive is cut between two entries, reads for ever where no entry comes, copies
 * every global pax record for each entry, and turns names that are not UTF-8 into other names.
 *
 * @throws `archive-invalid`; what the reader throws.
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
        // Comments and times in practice; a path or size for every entry at once is meaningless.
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
  // How archives older than ustar name a directory. The name in the header alone does not tell: it may be cut.
  if (entry.kind === 'file' && entry.name.at(-1) === 0x2f) entry.kind = 'directory';
  const mayHaveData = entry.kind === 'file' || entry.kind === 'hard-link' || entry.kind === 'unsupported';
  // Readers disagree on whether data follows then, which is how two of them see two different archives.
  if (!mayHaveData && entry.size > 0) throw invalid(`${entry.kind} with data`);
  return entry;
}

function untilNul(data: Buffer): Buffer {
  const end = data.indexOf(0);
  return end === -1 ? data : data.subarray(0, end);
}

/** Takes the padding, so that the writer is not left waiting; more than padding is not an archive. */
async function drainTrailing(reader: ByteReader): Promise<void> {
  let taken = 0;
  for (let rest = await reader.readAny(); rest !== undefined; rest = await reader.readAny()) {
    taken += rest.byteLength;
    if (taken > MAX_TRAILING_BYTES || rest.some((byte) => byte !== 0)) throw invalid('data after its end');
  }
}
