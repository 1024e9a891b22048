/**
 * A lock that allows one commit at a time for each target, across processes. The lock is a directory `lock` that holds
 * its owner's name. A process takes it by renaming its own directory to `lock`, which fails if `lock` exists.
 *
 * A waiting process never removes a dead owner's lock, because two waiting processes could each remove the lock that
 * the other has just made. It inherits the lock: it renames its directory into `lock`, to a name made from the dead
 * owner's token. Only one process can succeed. The last owner in that chain holds the lock. The holder renames the
 * whole directory away at the end.
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
  /** Time to wait for a live owner, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

const LOCK = 'lock';
const OWNER = 'owner';
const POLL_MS = 25;
const MAX_TURNS = 100;
/** A lock without an owner's name counts as dead after this time. */
const NAMELESS_MS = 60_000;
/** Maximum size of an owner file. A name takes about 100 bytes. */
const MAX_OWNER_BYTES = 4096;
/** Maximum length of the chain of owners. Each entry means that one process died during a commit. */
const MAX_SUCCESSORS = 1000;
/** Far below NAME_MAX, which is 255 bytes on Linux. */
const MAX_TOKEN_LENGTH = 128;

/**
 * Runs `work` with the lock in the directory held.
 * @throws CommitError `commit-busy` if a live owner does not release the lock in time, `commit-refused` if the lock was
 * not made by a commit. TaskAbortedError.
 */
export async function withLock<T>(handle: DirectoryHandle, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const token = randomBytes(9).toString('hex');
  await acquire(handle, token, options);
  try {
    await removeLeftovers(handle);
    return await work();
  } finally {
    // Processes may have died while they waited. If this fails, the next holder removes their leftovers.
    await removeLeftovers(handle).catch(() => {});
    const away = handle.at(`${LOCK}-${token}-done`);
    // If the rename fails, the directory was removed by hand, and nothing is locked any more.
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
      // If the lock changed hands since it was read, this process is not in the chain. The next turn detects it.
      if (free && holder !== undefined && (await renamed(mine, handle.at(`${LOCK}/${holder.token}`)))) {
        if ((await holderOf(handle))?.token === token) return;
      }
      // A free lock is tried for a few more turns after the deadline.
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
  /** Undefined if the owner file is missing or empty. */
  owner: string | undefined;
}

/**
 * Returns the last owner in the chain; undefined if the lock is free.
 * @throws CommitError `commit-refused` if the chain has a cycle, is too long or leaves the lock: it was not made by
 * Ripcord
 */
async function holderOf(handle: DirectoryHandle, signal?: AbortSignal): Promise<Holder | undefined> {
  const known = new Set<string>();
  let holder: Holder | undefined;
  for (let at = LOCK; ; at = `${LOCK}/${holder.token}`) {
    throwIfAborted(signal, 'reading the lock of the target');
    const next = await readOwner(handle.at(at));
    if (next === undefined) return holder;
    if (!next.isDirectory) throw unusable('it is not a directory');
    if (known.has(next.token)) throw unusable('its owners inherit from each other');
    if (known.size >= MAX_SUCCESSORS || next.token.length > MAX_TOKEN_LENGTH) throw unusable('it has too many owners');
    known.add(next.token);
    holder = next;
  }
}

/** Returns undefined if the path does not exist. */
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

/**
 * Returns true if the owner is dead. A power cut can lose the owner's name, and a live process leaves it out only
 * briefly, so an old lock without a name is dead.
 */
async function isDead({ owner }: Holder, handle: DirectoryHandle): Promise<boolean> {
  return owner === undefined ? isOld(handle.at(LOCK)) : livenessOf(parseOwner(owner)) === 'dead';
}

/** Returns true for the name of a lock, or of a directory that is to become one. */
export const isLockName = (name: string): boolean => name === LOCK || name.startsWith(`${LOCK}-`);

/**
 * Removes the directories of processes that were killed while they waited. Only the lock's holder calls this. A
 * directory without an owner's name may belong to a live process that is about to write the name. That process creates
 * another directory if the whole directory is gone, so it is renamed before it is removed.
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
    hint: `It was not made by Ripcord. Remove .ripcord/${LOCK} after you have looked at it.`,
  });
}

function busy(owner: string | undefined): CommitError {
  const parsed = parseOwner(owner);
  const who = parsed ? `process ${parsed.pid} on ${parsed.host}` : 'an unknown process';
  return new CommitError('commit-busy', `Another commit to this target is under way, by ${who}`, {
    hint: 'Wait for it. If that process certainly no longer runs (on another machine or in another container), remove .ripcord/lock.',
    details: { owner: parsed },
  });
}
