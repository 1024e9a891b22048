import { createHash } from 'node:crypto';
import path from 'node:path';
import { close, OPEN_READ, open, readFully } from '../base/fd.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import type { ManifestEntry } from '../workspace/manifest.js';
import { changed } from './stage.js';

/**
 * Reads a file of a snapshot.
 * @throws CommitError `workspace-changed` if the content does not match the manifest
 */
export async function readSnapshotFile(directory: string, relative: string, entry: ManifestEntry): Promise<Buffer> {
  const content = await readStart(directory, relative, entry.size + 1);
  const isSame = createHash('sha256').update(content).digest('hex') === entry.sha256;
  if (content.length !== entry.size || !isSame) throw changed(relative);
  return content;
}

/** Number of bytes that git reads to distinguish text from binary (`FIRST_FEW_BYTES` in xdiff-interface.c). */
const LOOKED_AT = 8000;

/** Returns true if git would treat the file as binary: it has a NUL byte near its start. */
export async function isBinary(
  directory: string | undefined,
  relative: string,
  entry: ManifestEntry | undefined,
): Promise<boolean> {
  if (entry?.kind !== 'file' || directory === undefined || entry.size === 0) return false;
  return (await readStart(directory, relative, Math.min(entry.size, LOOKED_AT))).includes(0);
}

async function readStart(directory: string, relative: string, bytes: number): Promise<Buffer> {
  try {
    const fd = await open(path.join(directory, relative), OPEN_READ);
    try {
      const buffer = Buffer.allocUnsafe(bytes);
      return buffer.subarray(0, await readFully(fd, buffer));
    } finally {
      await close(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') throw changed(relative, error);
    throw hostFileError(error, 'read', relative);
  }
}
