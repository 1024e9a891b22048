/** Removes directory trees that sandboxes filled, a few entries at a time. */
import type { Dirent } from 'node:fs';
import { chmod, lstat, opendir, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { forEachLimited } from './concurrency.js';
import { errnoOf } from './host-error.js';

/** Entries that are read, and removed, before the next ones are. */
const BATCH = 256;
/** Something may be put into a directory while it is emptied. */
const ATTEMPTS = 3;

/**
 * Removes a tree whatever its permissions are; nothing there is fine. Not `rm` of Node, which asks for all entries of a
 * directory in one turn of the event loop: 0.3 s for 90,000.
 */
export async function removeTree(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await remove(path);
    } catch (error) {
      const code = errnoOf(error) ?? '';
      const isDenied = code === 'EACCES' || code === 'EPERM';
      if (attempt === ATTEMPTS || !(isDenied || AGAIN.has(code))) throw error;
      if (isDenied) await openUp(path);
    }
  }
}

const AGAIN = new Set(['ENOTEMPTY', 'EEXIST', 'EBUSY', 'EMFILE', 'ENFILE']);

async function remove(path: string): Promise<void> {
  // Most are empty already, and need not be looked into.
  const problem = await rmdir(path).then(() => 'ENOENT', errnoOf);
  if (problem === 'ENOENT') return;
  if (problem === 'ENOTDIR') return void (await unlink(path).catch(undefinedIfGone));
  // Every directory comes after the one it lies in.
  const directories = [path];
  for (let i = 0; i < directories.length; i++) await emptyOfFiles(directories[i]!, directories);
  for (const directory of directories.reverse()) await rmdir(directory).catch(undefinedIfGone);
}

/** Removes all but directories, and adds those to `directories`. */
async function emptyOfFiles(directory: string, directories: string[]): Promise<void> {
  const entries = await opendir(directory, { bufferSize: BATCH }).catch(undefinedIfGone);
  let batch: string[] = [];
  const flush = async () => {
    await forEachLimited(batch, undefined, async (file) => void (await unlink(file).catch(undefinedIfGone)));
    batch = [];
  };
  for await (const entry of entries ?? []) {
    const path = join(directory, entry.name);
    if (await isDirectory(entry, path)) directories.push(path);
    else if (batch.push(path) === BATCH) await flush();
  }
  await flush();
}

/** Some file systems do not say what an entry is. */
async function isDirectory(entry: Dirent, path: string): Promise<boolean> {
  if (entry.isFile() || entry.isSymbolicLink()) return false;
  return entry.isDirectory() || ((await lstat(path).catch(undefinedIfGone))?.isDirectory() ?? false);
}

function undefinedIfGone(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** Gives the owner back the rights that removing needs. Links are not followed. */
async function openUp(path: string): Promise<void> {
  const pending = [path];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const found = await lstat(at).catch(() => undefined);
    if (!found?.isDirectory()) continue;
    await chmod(at, 0o700);
    for (const name of await readdir(at)) pending.push(join(at, name));
  }
}
