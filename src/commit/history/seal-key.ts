/**
 * The key that seals what a commit is about to do: `$XDG_STATE_HOME/ripcord/key`, 32 random bytes, for this user alone. What
 * is public (a boot's id, which sandboxes see) or what every user of the machine can read (its id) seals nothing.
 */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import { close, open, openIfThere, readFully, writeFully } from '../../base/fd.js';
import { errnoOf } from '../../base/host-error.js';
import { fstat, fsync, link, unlink } from '../fs.js';
import { makeOwnStateDirectory, ownStateDirectory } from './state-home.js';

const KEY = 'key';
const BYTES = 32;

/** The key of commits that are made where no key can be kept. Only this process can undo them. */
const processKey = randomBytes(BYTES);
/** The keys that this process has used. It can undo its own commits when the key's file has changed. */
const used = new Map<string, Buffer>([[processKey.toString('hex'), processKey]]);

/** The key for a new seal. Makes and keeps it if there is none. */
export async function keyForSealing(): Promise<Buffer> {
  try {
    const key = await readOrMakeKey();
    used.set(key.toString('hex'), key);
    return key;
  } catch {
    return processKey;
  }
}

export interface KnownKeys {
  keys: readonly Buffer[];
  /** Why this user has no kept key. */
  problem?: string | undefined;
}

/** The keys that a seal may be made with. Makes none. */
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

/** Makes the whole key appear at once. `link` fails when another process was first. */
async function makeKey(file: string): Promise<void> {
  const partial = `${file}.${randomBytes(9).toString('hex')}.partial`;
  await writeKey(partial);
  try {
    await link(partial, file);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    // A file system without hard links. A reader between two calls takes a short key for none, and keeps its own in memory.
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

/** @throws Error where something else is in its place, or others could have read it */
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
