import { close, openIfThere, readFully } from '../../base/fd.js';
import { errnoOf } from '../../base/host-error.js';
import { fstat } from '../fs.js';

/** Default maximum size: 100 commits take 20 kB. */
const MAX_BYTES = 1024 ** 2;

/**
 * Reads a small file that an untrusted program may have written. Follows no link and does not wait for a FIFO.
 * @param maxBytes Maximum size. Default 1 MiB.
 * @returns undefined if the path does not exist; an empty text for anything but a file of at most `maxBytes`
 */
export async function readSmallFile(path: string, maxBytes = MAX_BYTES): Promise<string | undefined> {
  let fd: number | undefined;
  try {
    fd = await openIfThere(path);
  } catch (error) {
    // ELOOP: a symbolic link. ENXIO: a socket.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') return '';
    throw error;
  }
  if (fd === undefined) return undefined;
  try {
    if (!(await fstat(fd)).isFile()) return '';
    const buffer = Buffer.allocUnsafe(maxBytes + 1);
    const count = await readFully(fd, buffer);
    return count > maxBytes ? '' : buffer.toString('utf8', 0, count);
  } finally {
    await close(fd);
  }
}
