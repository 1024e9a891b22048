/** Removes directory trees that sandboxes filled, a few entries at a time. */
import type { Dirent } from 'node:fs';
import { chmod, lstat, opendir, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { forEachLimited } from './concurrency.js';
import { errnoOf } from './host-error.js';

/** Number of entries that are read and removed at a time. */
const BATCH = 256;
/** Attempts to remove a tree: new entries may appear meanwhile. */
const ATTEMPTS = 3;

/**
 * Removes a tree, whatever its permissions. A missing path is ignored. Node's `rm` is not used because it starts the
 * removal of all entries of a directory in one turn of the event loop: 0.3 s for 90,000.
 */
export async function removeTree(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await remove(path);
    } catch (error) {
      const code = errnoOf(error) ?? '';
      const isDenied = code === 'EACCES' || code === 'EPERM';
      if (attempt === ATTEMPTS || !(isDenied || AGAIN.has(code))) throw error;
      if (isDenied) await makeWritable(path);
    }
  }
}

const AGAIN = new Set(['ENOTEMPTY', 'EEXIST', 'EBUSY', 'EMFILE', 'ENFILE']);

async function remove(path: string): Promise<void> {
  // Most directories are empty: try rmdir first.
  const problem = await rmdir(path).then(() => 'ENOENT', errnoOf);
  if (problem === 'ENOENT') return;
  if (problem === 'ENOTDIR') return void (await unlink(path).catch(undefinedIfGone));
  // Parents come before their subdirectories.
  const directories = [path];
  for (let i = 0; i < directories.length; i++) await emptyOfFiles(directories[i]!, directories);
  for (const directory of directories.reverse()) await rmdir(directory).catch(undefinedIfGone);
}

/** Removes all entries but directories, and adds the directories to `directories`. */
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

/** Returns true for a directory. Some file systems do not report the type of an entry, so lstat is needed. */
async function isDirectory(entry: Dirent, path: string): Promise<boolean> {
  if (entry.isFile() || entry.isSymbolicLink()) return false;
  return entry.isDirectory() || ((await lstat(path).catch(undefinedIfGone))?.isDirectory() ?? false);
}

function undefinedIfGone(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** Restores the owner's permissions that removing needs. Links are not followed. */
async function makeWritable(path: string): Promise<void> {
  const pending = [path];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const found = await lstat(at).catch(() => undefined);
    if (!found?.isDirectory()) continue;
    await chmod(at, 0o700);
    for (const name of await readdir(at)) pending.push(join(at, name));
  }
}
