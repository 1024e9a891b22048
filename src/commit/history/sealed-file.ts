/**
 * Files with a seal (HMAC) before their text, which only this user can make. A file without a valid seal is never kept
 * in memory, whatever its size.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { close, openIfThere, readFully } from '../../base/fd.js';
import { errnoOf } from '../../base/host-error.js';
import { fstat } from '../fs.js';
import { keyForSealing, keysForChecking } from './seal-key.js';

const CHUNK_BYTES = 128 * 1024;
/** SHA-256 in hexadecimal, and a newline. */
const SEAL_BYTES = 64 + 1;
/** Maximum length of a string in V8. */
const MAX_BYTES = 512 * 1024 ** 2;

/** Thrown if a file does not have a valid seal. */
export class NotSealed extends Error {}

export async function sealed(text: string): Promise<string> {
  return `${hmac(await keyForSealing())
    .update(text)
    .digest('hex')}\n${text}`;
}

/**
 * Returns the text of a file that {@link sealed} made.
 * @returns undefined if the file does not exist
 * @throws NotSealed
 */
export async function readSealed(path: string): Promise<string | undefined> {
  const { keys, problem } = await keysForChecking();
  const text = await read(path, keys, false);
  if (text === undefined) return undefined;
  // The first pass checks the seal without keeping the text. Check again while reading, because the file may have
  // changed.
  const kept = text === NOT_OURS ? text : await read(path, keys, true);
  if (kept !== NOT_OURS) return kept;
  const why = problem === undefined ? '' : ` (${problem})`;
  throw new NotSealed(`its intent is not sealed with this user's key${why}`);
}

const NOT_OURS = Symbol('not sealed with one of our keys');

/**
 * Reads a file and checks its seal.
 * @param keep False to check only: a valid file then gives an empty text.
 */
async function read(
  path: string,
  keys: readonly Buffer[],
  keep: boolean,
): Promise<string | undefined | typeof NOT_OURS> {
  const fd = await openAny(path);
  if (fd === undefined) return undefined;
  try {
    const stats = await fstat(fd);
    if (!stats.isFile()) throw new NotSealed('its intent is not a file');
    if (stats.size > MAX_BYTES) throw new NotSealed('its intent is too large');
    const given = Buffer.alloc(SEAL_BYTES);
    if ((await readFully(fd, given)) < SEAL_BYTES) return NOT_OURS;
    const right = keys.map(hmac);
    const kept: Buffer[] = [];
    const size = Number(stats.size) - SEAL_BYTES;
    for (let left = size; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left));
      if ((await readFully(fd, chunk)) < chunk.length) return NOT_OURS;
      for (const one of right) one.update(chunk);
      if (keep) kept.push(chunk);
      left -= chunk.length;
    }
    const isOurs = right.some((one) => timingSafeEqual(Buffer.from(`${one.digest('hex')}\n`), given));
    return isOurs ? Buffer.concat(kept).toString('utf8') : NOT_OURS;
  } finally {
    await close(fd);
  }
}

async function openAny(path: string): Promise<number | undefined> {
  try {
    return await openIfThere(path);
  } catch (error) {
    // ELOOP: a symbolic link. ENXIO: a socket.
    if (errnoOf(error) === 'ELOOP' || errnoOf(error) === 'ENXIO') throw new NotSealed('its intent is not a file');
    throw error;
  }
}

const hmac = (key: Buffer) => createHmac('sha256', key).update('ripcord commit\n');
