/** Puts one downloaded file on the host: whole, or not at all. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { throwIfAborted } from '../lifecycle/abort.js';
import type { Extracted } from '../workspace/extract.js';
import { setTime } from '../workspace/fd.js';
import { hostFileError } from '../workspace/host-error.js';
import { makeDirectories } from '../workspace/make-directories.js';

/**
 * @param mtimeMs When the file was changed last.
 * @throws FileError when the directory cannot be made or the file not be written.
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
    // Two downloads may begin in the same millisecond.
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
    throw hostFileError(error, 'write', to);
  }
  return { files: 1, directories: 0, links: 0, bytes: content.length, refused: [], refusedCount: 0 };
}
