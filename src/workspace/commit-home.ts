/** The directory in the target that a commit works in. */
import { rm } from 'node:fs/promises';
import { removeTree } from '../lifecycle/remove-tree.js';
import type { AnchoredTree, Place } from './commit-anchor.js';
import { NotAPlace } from './commit-anchor.js';
import { CommitError } from './commit-errors.js';
import { mkdir, rmdir } from './commit-fs.js';
import type { LockOptions } from './commit-lock.js';
import { withLock } from './commit-lock.js';
import { errnoOf } from './host-error.js';
import { COMMIT_ID, hideFromGit, OWN_DIRECTORY } from './journal.js';

const ATTEMPTS = 20;

/** Runs `work` in the target's {@link OWN_DIRECTORY}, made if need be, with the lock held; leaves no empty one. */
export async function withHome<T>(
  tree: AnchoredTree,
  options: LockOptions,
  work: (home: Place) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let begun = false;
    try {
      await makeDirectory(tree);
      return await inHome(tree, (home) =>
        withLock(home, options, () => {
          begun = true;
          return work(home);
        }),
      );
    } catch (error) {
      // Another process removed the unused directory between our making and our locking it.
      if (begun || !hasVanished(error) || attempt === ATTEMPTS) throw error;
      await tree.forget(OWN_DIRECTORY);
    } finally {
      await removeIfUnused(tree);
    }
  }
}

/** Whether the directory, or what one of its kind would hold, was not there when it was opened. */
export const hasVanished = (error: unknown): boolean =>
  errnoOf(error) === 'ENOENT' || (error instanceof NotAPlace && error.reason === 'missing');

/** Opens the directory; a link, or anything else, in its place is nobody's honest doing. */
export async function inHome<T>(tree: AnchoredTree, work: (home: Place) => Promise<T>): Promise<T> {
  try {
    return await tree.inside(OWN_DIRECTORY, work);
  } catch (error) {
    if (!(error instanceof NotAPlace) || error.directory !== OWN_DIRECTORY || error.reason === 'missing') throw error;
    throw new CommitError('commit-refused', `${OWN_DIRECTORY} in the target is not usable: ${error.reason}`, {
      hint: 'Remove it.',
    });
  }
}

/** Where the commit `id` keeps what it needs, relative to the target. */
export const workDirectory = (id: string): string => `${OWN_DIRECTORY}/commit-${id}`;

/** Removes the work directories of all commits but those in `except`. */
export async function removeWork(tree: AnchoredTree, home: Place, except: ReadonlySet<string>): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await home.list()) {
    const id = name.startsWith('commit-') ? name.slice('commit-'.length) : '';
    if (!COMMIT_ID.test(id) || except.has(id)) continue;
    await tree.forget(workDirectory(id));
    await removeTree(home.at(name));
    removed.push(id);
  }
  return removed;
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
  await inHome(tree, hideFromGit);
}

/** A commit that came to nothing leaves nothing; a journal stays. */
async function removeIfUnused(tree: AnchoredTree): Promise<void> {
  try {
    const isUnused = await inHome(tree, async (home) => {
      const names = await home.list();
      if (names.some((name) => name !== '.gitignore')) return false;
      await rm(home.at('.gitignore'), { force: true });
      return true;
    });
    if (!isUnused) return;
    await tree.forget(OWN_DIRECTORY);
    await tree.inside('', (root) => rmdir(root.at(OWN_DIRECTORY)));
  } catch {
    // Somebody began to use it: it stays, and out of git's sight.
    await inHome(tree, hideFromGit).catch(() => {});
  }
}
