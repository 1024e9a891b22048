import { fstat } from '../commit-fs.js';
import { close, OPEN_READ, open, readFully } from '../fd.js';
import { errnoOf } from '../host-error.js';

/** A hundred commits take 20 kB. */
const MAX_BYTES = 1024 ** 2;

/**
 * Reads a small file that a stranger may have put there. Follows no link, and waits for no fifo.
 * @param maxBytes Default 1 MiB.
 * @returns undefined where nothing is there, an empty text for anything but a file of at most `maxBytes`
 */
export async function readRecord(path: string, maxBytes = MAX_BYTES): Promise<string | undefined> {
  let fd: number;
  try {
    fd = await open(path, OPEN_READ);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    // A link, a socket.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') return '';
    throw error;
  }
  try {
    if (!(await fstat(fd)).isFile()) return '';
    const buffer = Buffer.allocUnsafe(maxBytes + 1);
    const count = await readFully(fd, buffer);
    return count > maxBytes ? '' : buffer.toString('utf8', 0, count);
  } finally {
    await close(fd);
  }
}
