/** Makes the manifest of a directory on this host: finds the entries, and hashes the files. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { FILE_CONCURRENCY, forEachLimited } from '../base/concurrency.js';
import { close, OPEN_READ, open, readFully } from '../base/fd.js';
import { hostFileError } from '../base/host-error.js';
import type { Manifest } from './manifest.js';
import type { Refused } from './refused.js';
import type { SurveyOptions } from './survey.js';
import { survey } from './survey.js';

interface ManifestOptions extends SurveyOptions {
  /** Read every file for its SHA-256. Default true; packing does not need it. */
  hash?: boolean;
}

/**
 * The manifest of a directory on this host. Nothing is followed out of it. Names that are not UTF-8 are reported in
 * `refused`, because a string could not name them again.
 *
 * @throws FileError when something cannot be read, `too-many-entries` and `file-too-large` at the limits, the signal's
 * reason when aborted.
 */
export async function manifestOf(
  directory: string,
  options: ManifestOptions = {},
): Promise<{ manifest: Manifest; refused: Refused[]; refusedCount: number }> {
  const { manifest, refused } = await survey(directory, options);
  if (options.hash !== false) await hashFiles(directory, manifest, options.signal);
  return { manifest, refused: refused.listed, refusedCount: refused.total };
}

/** Fills in `sha256` (and the size that was hashed) of every file of `manifest`, which lies at `directory`. */
export async function hashFiles(directory: string, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const buffers: Buffer[] = Array.from({ length: FILE_CONCURRENCY }, () => Buffer.allocUnsafeSlow(HASH_CHUNK));
  await forEachLimited(manifest, signal, async ([relative, entry]) => {
    if (entry.kind !== 'file') return;
    const buffer = buffers.pop()!;
    try {
      Object.assign(entry, await hashFile(path.join(directory, relative), buffer, signal));
    } catch (error) {
      throw hostFileError(error, 'read', relative);
    } finally {
      buffers.push(buffer);
    }
  });
}

const HASH_CHUNK = 128 * 1024;

async function hashFile(file: string, buffer: Buffer, signal?: AbortSignal): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  const fd = await open(file, OPEN_READ);
  try {
    let size = 0;
    for (;;) {
      const count = await readFully(fd, buffer);
      hash.update(buffer.subarray(0, count));
      size += count;
      if (count < buffer.byteLength) return { sha256: hash.digest('hex'), size };
      signal?.throwIfAborted();
    }
  } finally {
    await close(fd);
  }
}
