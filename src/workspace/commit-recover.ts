import { lstat } from 'node:fs/promises';
import { parseOptions } from '../config.js';
import { AnchoredTree, NotAPlace, type Place } from './commit-anchor.js';
import { CommitError } from './commit-errors.js';
import { hasVanished, inHome, removeWork, withHome, workDirectory } from './commit-home.js';
import type { RecoverOptions } from './commit-options.js';
import { recoverSchema } from './commit-options.js';
import type { Displaced } from './commit-undo.js';
import { undo } from './commit-undo.js';
import { errnoOf, hostFileError } from './host-error.js';
import type { JournalEntry } from './journal.js';
import { enterState, OWN_DIRECTORY, readIntent, readJournal } from './journal.js';

export interface Recovery {
  /**
   * `nothing`: no commit was interrupted. `rolled-back`: one was, and the target is wholly old again. `completed`: one
   * was interrupted after it was complete, and its leftovers are gone.
   */
  outcome: 'nothing' | 'rolled-back' | 'completed';
  /** Which commits this is about. */
  commits: string[];
  /** What others wrote after the crash where the old state had to be restored: moved, not lost. */
  displaced: Displaced[];
}

/**
 * Brings a target whose commit was interrupted by a crash or a kill to its wholly old or wholly new state, as its
 * journal says. Does nothing where nothing was interrupted; can itself be killed and run again. {@link prepareCommit}
 * and {@link applyCommit} do it first.
 *
 * @throws CommitError `commit-busy` while a live process commits, `commit-blocked` when something stands in the way,
 * `commit-journal-invalid` when the journal was not written here. FileError.
 */
export async function recoverCommit(target: string, options?: RecoverOptions): Promise<Recovery> {
  const { lockTimeoutMs, signal } = parseOptions(recoverSchema, options, 'recoverCommit');
  const tree = await openTree(target);
  if (tree === undefined) return { outcome: 'nothing', commits: [], displaced: [] };
  try {
    if (!(await isInterrupted(tree))) return { outcome: 'nothing', commits: [], displaced: [] };
    return await withHome(tree, { timeoutMs: lockTimeoutMs, signal }, (home) => recoverLocked(tree, home));
  } finally {
    await tree.close();
  }
}

/** What the journal of a target knows, oldest commit first. */
export async function readCommits(target: string): Promise<JournalEntry[]> {
  const tree = await openTree(target);
  if (tree === undefined) return [];
  try {
    return (await inHomeIfThere(tree, readJournal)) ?? [];
  } finally {
    await tree.close();
  }
}

/** Undefined where there is no such directory. */
export async function openTree(target: string): Promise<AnchoredTree | undefined> {
  try {
    return await AnchoredTree.open(target);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !(await isThere(target))) return undefined;
    throw hostFileError(error, 'open', target);
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** {@link recoverCommit} for who holds the lock already. */
export async function recoverLocked(tree: AnchoredTree, home: Place): Promise<Recovery> {
  const displaced: Displaced[] = [];
  const rolledBack: string[] = [];
  for (const entry of await readJournal(home)) {
    if (entry.state !== 'applying') continue;
    displaced.push(...(await rollBack(tree, home, entry)));
    rolledBack.push(entry.id);
  }
  const removed = await removeWork(tree, home, new Set());
  if (rolledBack.length > 0) return { outcome: 'rolled-back', commits: rolledBack, displaced };
  const states = new Map((await readJournal(home)).map(({ id, state }) => [id, state]));
  const completed = removed.filter((id) => states.get(id) === 'committed');
  return { outcome: completed.length > 0 ? 'completed' : 'nothing', commits: completed, displaced };
}

/** Undoes what was made of a commit, says so in the journal, and removes its work directory. */
export async function rollBack(tree: AnchoredTree, home: Place, entry: JournalEntry): Promise<Displaced[]> {
  const directory = workDirectory(entry.id);
  const displaced = await inWork(tree, directory, async (work) => {
    const steps = await readIntent(work, entry.id);
    return await tree.inside(`${directory}/new`, (fresh) =>
      tree.inside(`${directory}/old`, (old) => undo({ tree, home, fresh, old }, entry.id, steps)),
    );
  });
  await enterState(home, { ...entry, state: 'rolled-back', endedAt: new Date().toISOString() });
  await tree.forget(directory);
  await removeWork(tree, home, new Set());
  return displaced;
}

async function inWork<T>(tree: AnchoredTree, directory: string, work: (place: Place) => Promise<T>): Promise<T> {
  try {
    return await tree.inside(directory, work);
  } catch (error) {
    if (!(error instanceof NotAPlace && error.directory.startsWith(directory))) throw error;
    throw new CommitError('commit-journal-invalid', `The commit journal of the target is not valid: ${error.message}`, {
      hint: `Somebody removed part of ${OWN_DIRECTORY}. Remove the rest of it when you have looked at it.`,
    });
  }
}

async function isInterrupted(tree: AnchoredTree): Promise<boolean> {
  const interrupted = await inHomeIfThere(tree, async (home) => {
    if ((await home.list()).some((name) => name.startsWith('commit-'))) return true;
    return (await readJournal(home)).some(({ state }) => state === 'applying');
  });
  return interrupted ?? false;
}

/** Undefined where there is none, also where another process removes its unused one meanwhile. */
async function inHomeIfThere<T>(tree: AnchoredTree, work: (home: Place) => Promise<T>): Promise<T | undefined> {
  try {
    return await inHome(tree, work);
  } catch (error) {
    if (hasVanished(error)) return undefined;
    throw error;
  }
}
