/**
 * One commit at a time for each target, across processes. The lock is a directory `lock` with its owner's name in it,
 * put there by renaming, which fails where one is. A dead owner's lock is never removed by a waiting process — two of
 * them could each remove what the other had just made — but inherited: the successor's directory is renamed into it
 * under the dead one's token, which only one can do. The last of that line holds the lock. Whoever holds it renames
 * the whole of it away at the end.
 */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../base/abort.js';
import { errnoOf } from '../base/host-error.js';
import { currentOwner, formatOwner, livenessOf, parseOwner } from '../base/owner.js';
import type { DirectoryHandle } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { lstat, mkdir, rename } from './fs.js';
import { readSmallFile } from './history/small-file.js';
import { lstatIfThere } from './identity.js';

export interface LockOptions {
  /** How long to wait for a live owner. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

const LOCK = 'lock';
const OWNER = 'owner';
const POLL_MS = 25;
const MAX_TURNS = 100;
/** How long a lock may be without its owner's name. */
const NAMELESS_MS = 60_000;
/** A name takes about 100 bytes. */
const MAX_OWNER_BYTES = 4096;
/** One process has to die in a commit for each. */
const MAX_SUCCESSORS = 1000;
/** Far below what a file system takes for a name. */
const MAX_TOKEN_LENGTH = 128;

/**
 * Runs `work` with the lock in `place` held.
 * @throws CommitError `commit-busy` when a live owner does not let go in time, `commit-refused` where a lock is that no
 * commit made; TaskAbortedError.
 */
export async function withLock<T>(handle: DirectoryHandle, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const token = randomBytes(9).toString('hex');
  await acquire(handle, token, options);
  try {
    await removeLeftovers(handle);
    return await work();
  } finally {
    // Processes may have died while they waited. The next holder removes their litter if this fails.
    await removeLeftovers(handle).catch(() => {});
    const away = handle.at(`${LOCK}-${token}-done`);
    // Somebody removed all of it by hand: then nothing is locked any more either.
    if (await renamed(handle.at(LOCK), away)) await rm(away, { recursive: true, force: true });
  }
}

async function acquire(handle: DirectoryHandle, token: string, { timeoutMs, signal }: LockOptions): Promise<void> {
  const mine = handle.at(`${LOCK}-${token}`);
  const deadline = Date.now() + timeoutMs;
  try {
    for (let turn = 1; ; turn += 1) {
      throwIfAborted(signal, 'locking the target');
      await prepareOwn(mine, token);
      if (await renamed(mine, handle.at(LOCK))) return;
      const holder = await holderOf(handle, signal);
      const free = holder === undefined || (await isDead(holder, handle));
      // Not in the line of succession if the lock changed hands since it was read: then the next turn sees it.
      if (free && holder !== undefined && (await renamed(mine, handle.at(`${LOCK}/${holder.token}`)))) {
        if ((await holderOf(handle))?.token === token) return;
      }
      // A lock that is free is tried for a few turns more, but not for ever.
      if (Date.now() >= deadline && (!free || turn > MAX_TURNS)) throw busy(holder?.owner);
      await sleep(free ? 1 : POLL_MS);
    }
  } finally {
    await rm(mine, { recursive: true, force: true });
  }
}

async function prepareOwn(mine: string, token: string): Promise<void> {
  try {
    await mkdir(mine, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  await writeFile(`${mine}/${OWNER}`, `${token} ${formatOwner(currentOwner())}`, { mode: 0o600 });
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOTEMPTY', 'ENOENT', 'ENOTDIR', 'EPERM', 'EACCES'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

interface Holder {
  token: string;
  /** Undefined where the file that says so is missing or empty. */
  owner: string | undefined;
}

/**
 * The last owner in the line of succession. Undefined while the lock is free.
 * @throws CommitError `commit-refused` where the line has no end, or leads elsewhere: a stranger made it
 */
async function holderOf(handle: DirectoryHandle, signal?: AbortSignal): Promise<Holder | undefined> {
  const known = new Set<string>();
  let holder: Holder | undefined;
  for (let at = LOCK; ; at = `${LOCK}/${holder.token}`) {
    throwIfAborted(signal, 'looking who locked the target');
    const next = await readOwner(handle.at(at));
    if (next === undefined) return holder;
    if (!next.isDirectory) throw unusable('it is no directory');
    if (known.has(next.token)) throw unusable('its owners inherit from each other');
    if (known.size >= MAX_SUCCESSORS || next.token.length > MAX_TOKEN_LENGTH) throw unusable('it has too many owners');
    known.add(next.token);
    holder = next;
  }
}

/** Undefined where nothing is there. */
async function readOwner(path: string): Promise<(Holder & { isDirectory: boolean }) | undefined> {
  const text = await readSmallFile(`${path}/${OWNER}`, MAX_OWNER_BYTES).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOTDIR') return '';
    throw error;
  });
  const stats = await lstatIfThere(path);
  if (stats === undefined) return undefined;
  const isDirectory = stats.isDirectory();
  const match = isDirectory ? /^([0-9a-f]{18}) (.+)$/.exec(text ?? '') : null;
  if (match !== null) return { token: match[1]!, owner: match[2]!, isDirectory };
  return { token: `nameless-${basename(path)}`, owner: undefined, isDirectory };
}

/** A power cut can lose the name in a lock; nobody who is alive leaves it out for long. */
async function isDead({ owner }: Holder, handle: DirectoryHandle): Promise<boolean> {
  return owner === undefined ? isOld(handle.at(LOCK)) : livenessOf(parseOwner(owner)) === 'dead';
}

/** Whether a file in a target's directory is a lock, or is to become one. */
export const isLockName = (name: string): boolean => name === LOCK || name.startsWith(`${LOCK}-`);

/**
 * Removes directories of processes that were killed while they waited. Only the holder does this. A directory without an
 * owner's name may belong to a live process, which is about to write the name. That process makes another one when the
 * directory is gone as a whole, so it is renamed first.
 */
async function removeLeftovers(handle: DirectoryHandle): Promise<void> {
  for (const name of await handle.list()) {
    const [, waiting] = /^(lock-[0-9a-f]{18})(-done)?$/.exec(name) ?? [];
    if (waiting === undefined) continue;
    if (name === waiting) {
      const holder = await readOwner(handle.at(name));
      const isLive = holder?.owner !== undefined && livenessOf(parseOwner(holder.owner)) !== 'dead';
      if (isLive || !(await renamed(handle.at(name), handle.at(`${name}-done`)))) continue;
    }
    await rm(handle.at(`${waiting}-done`), { recursive: true, force: true });
  }
}

async function isOld(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats !== undefined && Date.now() - Number(stats.mtimeNs / 1_000_000n) > NAMELESS_MS;
}

function unusable(why: string): CommitError {
  return new CommitError('commit-refused', `.ripcord/${LOCK} in the target is not usable: ${why}`, {
    hint: `No commit made it. Remove .ripcord/${LOCK} when you have looked at it.`,
  });
}

function busy(owner: string | undefined): CommitError {
  const parsed = parseOwner(owner);
  const who = parsed ? `process ${parsed.pid} on ${parsed.host}` : 'somebody unknown';
  return new CommitError('commit-busy', `Another commit to this target is under way, by ${who}`, {
    hint: 'Wait for it. If that process is surely gone (another machine or container), remove .ripcord/lock.',
    details: { owner: parsed },
  });
}
