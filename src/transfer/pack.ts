import path from 'node:path';
import { Readable } from 'node:stream';
import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { linkProblem } from '../base/path-rules.js';
import type { Manifest, ManifestEntry } from '../workspace/manifest.js';
import { ReadAhead, readParts, SMALL_FILE_BYTES } from './read-ahead.js';
import { END_OF_ARCHIVE, encodeHeader, padding } from './tar/encode.js';

interface PackOptions {
  /** Pack all links as text, even if they lead outside. Default false: such a link makes the packing fail. */
  keepLinks?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Size of the chunks passed to the reader. Without it, each header or small file would become a frame of its own. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Returns the files of `manifest`, which are in `directory`, as a tar archive: ustar, with pax headers if names need
 * them. Owners are left out, modes are cut to `mode & 0777`, and entries come in the order of the manifest. The stream
 * has backpressure.
 *
 * @throws (as the stream's error) FileError if a file cannot be read, `seed-invalid` if one does not match the manifest
 * or cannot be packed, the signal's reason if aborted
 */
export function packTree(directory: string, manifest: Manifest, options: PackOptions = {}): Readable {
  return Readable.from(inChunks(pieces(directory, manifest, options)), { objectMode: false });
}

async function* inChunks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const piece of source) {
    gathered.push(piece);
    size += piece.byteLength;
    if (size < CHUNK_BYTES) continue;
    yield gathered.length === 1 ? piece : Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(gathered, size);
}

async function* pieces(
  directory: string,
  manifest: Manifest,
  { signal, keepLinks = false }: PackOptions,
): AsyncGenerator<Buffer> {
  const ahead = new ReadAhead(directory, manifest);
  try {
    for (const [relative, entry] of manifest) {
      signal?.throwIfAborted();
      const header = headerOf(relative, entry, keepLinks);
      if (entry.kind !== 'file') {
        yield header;
      } else if (entry.size <= SMALL_FILE_BYTES) {
        yield Buffer.concat([header, await ahead.next(), padding(entry.size)]);
      } else {
        yield header;
        for await (const part of readParts(path.join(directory, relative), relative, entry.size)) {
          signal?.throwIfAborted();
          yield part;
        }
        yield padding(entry.size);
      }
    }
    yield END_OF_ARCHIVE;
  } finally {
    await ahead.settle();
  }
}

function headerOf(relative: string, entry: ManifestEntry, keepLinks: boolean): Buffer {
  const { mode, size, mtimeMs, linkTarget } = entry;
  switch (entry.kind) {
    case 'file':
      return encodeHeader({ path: relative, type: '0', mode, size, mtimeMs });
    case 'directory':
      return encodeHeader({ path: relative, type: '5', mode, size: 0, mtimeMs });
    case 'link': {
      const problem = keepLinks ? undefined : linkProblem(relative, linkTarget ?? '');
      if (problem !== undefined) throw notPortable(relative, problem);
      return encodeHeader({ path: relative, type: '2', mode, size: 0, mtimeMs, linkTarget });
    }
    default:
      throw notPortable(relative, 'not a file, directory or link');
  }
}

function notPortable(relative: string, reason: string): RipcordError {
  return new RipcordError('seed-invalid', `Cannot pack ${printable(relative)}: ${reason}`, {
    hint: 'Survey the directory with portableOnly to leave such entries out.',
    details: { path: relative, reason },
  });
}
