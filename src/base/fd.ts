/**
 * Promisified callback API of `node:fs`. For 10,000 small files `fs/promises` costs twice as much, because each file
 * needs a FileHandle object with its finaliser.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from './host-error.js';

export const open = promisify(fs.open);
export const close = promisify(fs.close);
export const lstat = promisify(fs.lstat);
export const copyFile = promisify(fs.copyFile);
export const utimes = promisify(fs.utimes);
const futimes = promisify(fs.futimes);
const readAt = promisify(fs.read);
const writeAt = promisify(fs.write);

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
/** Flags to open for reading. If the name meanwhile became a link or a FIFO, it is not followed and does not block. */
export const OPEN_READ = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

/**
 * Opens a file for reading. Does not follow a link or wait for a FIFO. Returns undefined if the path does not exist.
 */
export async function openIfThere(path: string): Promise<number | undefined> {
  try {
    return await open(path, OPEN_READ);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Reads until `buffer` is full, the file ends, or `enough` bytes are read (which saves the read that would find the
 * end).
 * @returns the number of bytes
 */
export async function readFully(fd: number, buffer: Uint8Array, enough = buffer.byteLength): Promise<number> {
  let filled = 0;
  while (filled < enough) {
    const { bytesRead } = await readAt(fd, buffer, filled, buffer.byteLength - filled, null);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

export async function writeFully(fd: number, data: Uint8Array): Promise<void> {
  let written = 0;
  while (written < data.byteLength) {
    const { bytesWritten } = await writeAt(fd, data, written, data.byteLength - written, null);
    written += bytesWritten;
  }
}

/** Largest time in the eleven octal digits of a tar header: the year 2242. */
const MAX_SECONDS = 8 ** 11 - 1;

/** Converts a sandbox's file time to seconds in a range that every file system of the host accepts. */
export const secondsOf = (mtimeMs: number): number => Math.min(Math.max(mtimeMs / 1000 || 0, 0), MAX_SECONDS);

/** Sets a file's modification time. A time that the file system rejects is ignored. */
export async function setTime(fd: number, mtimeMs: number): Promise<void> {
  await futimes(fd, new Date(), secondsOf(mtimeMs)).catch(() => {});
}
