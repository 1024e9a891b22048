/**
 * The key that seals the intent of a commit: `$XDG_STATE_HOME/ripcord/key`, 32 random bytes, readable to this user
 * alone. A public value (the boot id, which sandboxes see) or one that every user can read (the machine id) is not
 * secret enough.
 */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import { close, open, openIfThere, readFully, writeFully } from '../../base/fd.js';
import { errnoOf } from '../../base/host-error.js';
import { fstat, fsync, link, unlink } from '../fs.js';
import { makeOwnStateDirectory, ownStateDirectory } from './state-home.js';

const KEY = 'key';
const BYTES = 32;

/** The key used if no key can be stored. Only this process can then undo its commits. */
const processKey = randomBytes(BYTES);
/** Keys that this process has used. With them it can undo its own commits after the key file changed. */
const used = new Map<string, Buffer>([[processKey.toString('hex'), processKey]]);

/** Returns the key for a new seal. Creates and stores one if there is none. */
export async function keyForSealing(): Promise<Buffer> {
  try {
    const key = await readOrMakeKey();
    used.set(key.toString('hex'), key);
    return key;
  } catch {
    return processKey;
  }
}

interface KnownKeys {
  keys: readonly Buffer[];
  /** The reason why this user does not have a stored key. */
  problem?: string | undefined;
}

/** Returns the keys that a seal may be made with. Does not create one. */
export async function keysForChecking(): Promise<KnownKeys> {
  const keys = [...used.values()];
  try {
    const file = `${ownStateDirectory()}/${KEY}`;
    const kept = await readKey(file);
    return kept === undefined ? { keys, problem: `there is no ${file}` } : { keys: [...keys, kept] };
  } catch (error) {
    return { keys, problem: messageOf(error) };
  }
}

async function readOrMakeKey(): Promise<Buffer> {
  const file = `${await makeOwnStateDirectory()}/${KEY}`;
  const kept = await readKey(file);
  if (kept !== undefined) return kept;
  await makeKey(file);
  const made = await readKey(file);
  if (made === undefined) throw new Error(`${file} was removed`);
  return made;
}

/** Creates the key file atomically. `link` fails if another process was faster. */
async function makeKey(file: string): Promise<void> {
  const partial = `${file}.${randomBytes(9).toString('hex')}.partial`;
  await writeKey(partial);
  try {
    await link(partial, file);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    // This file system has no hard links. A reader that sees a short key ignores it and keeps a key in memory.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')) throw error;
    await writeKey(file).catch((failure: unknown) => {
      if (errnoOf(failure) !== 'EEXIST') throw failure;
    });
  } finally {
    await unlink(partial);
  }
}

async function writeKey(file: string): Promise<void> {
  const fd = await open(file, 'wx', 0o600);
  try {
    await writeFully(fd, randomBytes(BYTES));
    await fsync(fd);
  } finally {
    await close(fd);
  }
}

/**
 * Reads the key file.
 * @throws Error if it is not a key file, or others could have read it
 */
async function readKey(file: string): Promise<Buffer | undefined> {
  const fd = await openIfThere(file);
  if (fd === undefined) return undefined;
  try {
    const stats = await fstat(fd);
    const uid = process.getuid?.();
    if (!stats.isFile()) throw new Error(`${file} is not a file`);
    if (uid !== undefined && Number(stats.uid) !== uid) throw new Error(`${file} belongs to another user`);
    if (uid !== undefined && (Number(stats.mode) & 0o077) !== 0) throw new Error(`others can read ${file}: remove it`);
    const key = Buffer.alloc(BYTES + 1);
    if ((await readFully(fd, key)) !== BYTES) throw new Error(`${file} is not a key of ${BYTES} bytes: remove it`);
    return key.subarray(0, BYTES);
  } finally {
    await close(fd);
  }
}
