/** Writes one downloaded file to the host atomically. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join, posix, resolve } from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { FileError } from '../base/errors.js';
import { setTime } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { makeDirectories } from '../base/make-directories.js';
import type { Extracted } from '../transfer/extract.js';

/**
 * Returns the path of a file on the host: `to`, or the file's own name in `to` if it ends in a slash, as for an upload.
 */
export function downloadTarget(from: string, to: string): string {
  return to.endsWith('/') ? join(resolve(to), posix.basename(from)) : resolve(to);
}

/**
 * Writes the file.
 * @param mtimeMs Time of the file's last change.
 * @throws FileError if the directory cannot be created or the file cannot be written
 */
export async function saveDownload(
  content: Buffer,
  to: string,
  mtimeMs: number,
  signal: AbortSignal | undefined,
): Promise<Extracted> {
  throwIfAborted(signal, `writing ${to}`);
  try {
    await makeDirectories(dirname(to));
    // Use a random name: two downloads may begin in the same millisecond.
    const partial = join(dirname(to), `.ripcord-${randomBytes(9).toString('base64url')}.partial`);
    const file = await open(partial, 'wx', 0o644);
    try {
      try {
        await file.writeFile(content);
        await setTime(file.fd, mtimeMs);
      } finally {
        await file.close();
      }
      await rename(partial, to);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  } catch (error) {
    if (errnoOf(error) !== 'EISDIR') throw hostFileError(error, 'write', to);
    throw new FileError('is-a-directory', `Cannot write ${printable(to)}: is a directory (EISDIR)`, {
      path: to,
      errno: 'EISDIR',
      hint: 'End the path with a slash to copy the file into the directory.',
      cause: error,
    });
  }
  return { files: 1, directories: 0, links: 0, bytes: content.length, refused: [], refusedCount: 0 };
}
