/**
 * Promises around the callback API: for ten thousand small files `fs/promises` costs twice as much, one FileHandle
 * object and its finaliser each.
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
/** A name that became a link or a fifo since it was looked at must neither be followed nor block. */
export const OPEN_READ = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);

/** Opens a file for reading, through no link and without waiting for a fifo; undefined where nothing is. */
export async function openIfThere(path: string): Promise<number | undefined> {
  try {
    return await open(path, OPEN_READ);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Reads until `buffer` is full, the file ends, or `enough` bytes are there (the read that would find the end is left
 * out); returns how many bytes there were.
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

/** The last second that eleven octal digits of a tar header hold: the year 2242. */
const MAX_SECONDS = 8 ** 11 - 1;

/** A time of a sandbox as seconds that every file system of the host can be given. */
export const secondsOf = (mtimeMs: number): number => Math.min(Math.max(mtimeMs / 1000 || 0, 0), MAX_SECONDS);

/** Sets when a file was changed. A time that the file system cannot keep is not a reason to fail. */
export async function setTime(fd: number, mtimeMs: number): Promise<void> {
  await futimes(fd, new Date(), secondsOf(mtimeMs)).catch(() => {});
}
