/**
 * Creates, locks and removes `.ripcord`, the directory in a target that a commit works in. It exists only during a
 * commit.
 */
import { rm } from 'node:fs/promises';
import { errnoOf } from '../base/host-error.js';
import type { AnchoredTree, DirectoryHandle } from './anchored-tree.js';
import { UnusableDirectory } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { mkdir, rmdir } from './fs.js';
import { hideFromGit, IGNORE, OWN_DIRECTORY } from './journal.js';
import type { LockOptions } from './lock.js';
import { withLock } from './lock.js';

const ATTEMPTS = 20;

/** Creates the target's {@link OWN_DIRECTORY} if necessary, runs `work` in it with the lock held, and removes it. */
export async function withOwnDirectory<T>(
  tree: AnchoredTree,
  options: LockOptions,
  work: (own: DirectoryHandle) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let begun = false;
    try {
      await makeDirectory(tree);
      return await inOwnDirectory(tree, (own) =>
        withLock(own, options, () => {
          begun = true;
          return work(own);
        }),
      );
    } catch (error) {
      // Another process removed the unused directory between mkdir and our lock.
      if (begun || !hasVanished(error) || attempt === ATTEMPTS) throw error;
      await tree.forget(OWN_DIRECTORY);
    } finally {
      await removeIfUnused(tree);
    }
  }
}

/** Returns true if the error means that the directory, or an entry of it, no longer existed. */
export const hasVanished = (error: unknown): boolean =>
  errnoOf(error) === 'ENOENT' || (error instanceof UnusableDirectory && error.reason === 'missing');

/** Opens the directory. Fails if the path is not a directory: a link here indicates tampering. */
export async function inOwnDirectory<T>(tree: AnchoredTree, work: (own: DirectoryHandle) => Promise<T>): Promise<T> {
  try {
    return await tree.inside(OWN_DIRECTORY, work);
  } catch (error) {
    if (!(error instanceof UnusableDirectory) || error.directory !== OWN_DIRECTORY || error.reason === 'missing')
      throw error;
    throw new CommitError('commit-refused', `${OWN_DIRECTORY} in the target is not usable: ${error.reason}`, {
      hint: `Ripcord needs a directory of that name. Remove ${OWN_DIRECTORY} from the target.`,
    });
  }
}

async function makeDirectory(tree: AnchoredTree): Promise<void> {
  await tree.inside('', async (root) => {
    try {
      await mkdir(root.at(OWN_DIRECTORY), { mode: 0o755 });
      await root.sync();
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  });
  await inOwnDirectory(tree, hideFromGit);
}

/** Removes the directory. It stays while another process waits in it, or while a commit cannot be undone. */
async function removeIfUnused(tree: AnchoredTree): Promise<void> {
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      if (!(await inOwnDirectory(tree, isUnused))) return;
      await tree.forget(OWN_DIRECTORY);
      if (await tree.inside('', (root) => removedDirectory(root.at(OWN_DIRECTORY)))) return;
    }
  } catch {
    // It no longer exists or cannot be removed: the next commit tries again.
  }
}

/**
 * Removes our `.gitignore` if the directory holds nothing else. Otherwise writes it again, because another process may
 * have removed it.
 */
async function isUnused(own: DirectoryHandle): Promise<boolean> {
  const names = await own.list();
  if (names.every((name) => name === IGNORE)) {
    await rm(own.at(IGNORE), { force: true });
    return true;
  }
  await hideFromGit(own);
  return false;
}

/** @returns false if another process started to use the directory */
async function removedDirectory(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
