import { lstat } from 'node:fs/promises';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { parseOptions } from '../base/parse-options.js';
import { AnchoredTree, type DirectoryHandle } from './anchored-tree.js';
import { endWork, findWork, inWork, isWork, removeWork, workDirectory } from './commit-directory.js';
import { CommitError } from './errors.js';
import { keepHistory, MAX_ENTRIES, readHistory } from './history/history.js';
import { readLegacyJournal, removeLegacyJournal } from './history/legacy-journal.js';
import type { JournalEntry } from './journal.js';
import { IGNORE, readIntent } from './journal.js';
import { isLockName } from './lock.js';
import type { RecoverOptions } from './options.js';
import { recoverSchema } from './options.js';
import { hasVanished, inOwnDirectory, withOwnDirectory } from './own-directory.js';
import type { Displaced } from './undo.js';
import { undo } from './undo.js';

export interface Recovery {
  /**
   * `nothing`: no commit was interrupted. `rolled-back`: one was interrupted, and the target is in its old state again.
   * `completed`: one was interrupted after it was complete, and its leftovers were removed.
   */
  outcome: 'nothing' | 'rolled-back' | 'completed';
  /** Identifiers of these commits. */
  commits: string[];
  /** Files that others wrote after the crash where the old state had to be restored. They were moved, not deleted. */
  displaced: Displaced[];
  /** The reason why {@link readCommits} does not list these commits. Undefined if the history has them. */
  historyProblem?: string | undefined;
}

const NOTHING: Recovery = { outcome: 'nothing', commits: [], displaced: [] };

/**
 * Restores a target whose commit was interrupted by a crash or a kill to its old or its new state, never a mix. The
 * files in its `.ripcord` decide which; they are then removed. Does nothing if no commit was interrupted. Can itself be
 * killed and run again. {@link prepareCommit} and {@link applyCommit} call it first.
 *
 * @throws CommitError `commit-busy` while a live process commits, `commit-blocked` if the undo is obstructed,
 * `commit-journal-invalid` if this user did not write the journal. FileError.
 */
export async function recoverCommit(target: string, options?: RecoverOptions): Promise<Recovery> {
  const { lockTimeoutMs, signal } = parseOptions(recoverSchema, options, 'recoverCommit');
  const tree = await openTree(target);
  if (tree === undefined) return { ...NOTHING };
  try {
    switch (await pendingWork(tree)) {
      case 'nothing':
        return { ...NOTHING };
      case 'leftovers':
        return await withOwnDirectory(tree, { timeoutMs: 0, signal }, (own) => recoverLocked(tree, own)).catch(
          ignoreUnremovable,
        );
      case 'recovery':
        return await withOwnDirectory(tree, { timeoutMs: lockTimeoutMs, signal }, (own) => recoverLocked(tree, own));
    }
  } finally {
    await tree.close();
  }
}

/**
 * Lists the last 100 commits to a directory, oldest first. Commits in progress or interrupted are read from its
 * `.ripcord`. Finished ones are read from `$XDG_STATE_HOME/ripcord/commits` (default `~/.local/state/ripcord/commits`),
 * stored by the target's real path: a project that moves starts a new history.
 *
 * @throws CommitError `commit-journal-invalid` if one of them was not written by Ripcord. FileError.
 */
export async function readCommits(target: string): Promise<JournalEntry[]> {
  const tree = await openTree(target);
  if (tree === undefined) return [];
  try {
    // Read the target first: a commit that ends meanwhile is in the history before it leaves the target.
    const there = (await inOwnDirectoryIfThere(tree, (own) => readThere(tree, own))) ?? { former: [], work: [] };
    const kept = await readHistory(tree.root);
    const known = new Set(kept.map(({ id }) => id));
    const missing = (entries: readonly JournalEntry[]) => entries.filter(({ id }) => !known.has(id));
    return [...missing(there.former), ...kept, ...missing(there.work)].slice(-MAX_ENTRIES);
  } finally {
    await tree.close();
  }
}

async function readThere(
  tree: AnchoredTree,
  own: DirectoryHandle,
): Promise<{ former: JournalEntry[]; work: JournalEntry[] }> {
  const former = await readLegacyJournal(own);
  const work = (await findWork(tree, own, former)).flatMap(({ entry }) => entry ?? []);
  const ids = new Set(work.map(({ id }) => id));
  return { former: former.filter(({ id }) => !ids.has(id)), work };
}

/** Opens the target. Returns undefined if the directory does not exist. */
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

/**
 * Implements {@link recoverCommit} for callers that hold the lock. Also moves the journal of an earlier version out of
 * the target.
 */
export async function recoverLocked(tree: AnchoredTree, own: DirectoryHandle): Promise<Recovery> {
  const former = await readLegacyJournal(own);
  const finished = former.filter(({ state }) => state !== 'applying');
  const displaced: Displaced[] = [];
  const done = { committed: [] as string[], 'rolled-back': [] as string[] };
  for (const entry of await due(tree, own, former)) {
    if (entry.state === 'applying') displaced.push(...(await undoWork(tree, own, entry.id)));
    const state = entry.state === 'applying' ? 'rolled-back' : entry.state;
    done[state].push(entry.id);
    finished.push({ ...entry, state, endedAt: entry.endedAt ?? new Date().toISOString() });
  }
  const historyProblem = await keepHistory(tree.root, finished);
  await removeWork(tree, own);
  // The legacy journal is the only record, so it stays until it can be moved.
  if (historyProblem === undefined) await removeLegacyJournal(own);
  const problem = historyProblem === undefined ? {} : { historyProblem };
  const rolledBack = done['rolled-back'];
  if (rolledBack.length > 0) return { outcome: 'rolled-back', commits: rolledBack, displaced, ...problem };
  const outcome = done.committed.length > 0 ? 'completed' : 'nothing';
  return { outcome, commits: done.committed, displaced, ...problem };
}

async function due(tree: AnchoredTree, own: DirectoryHandle, former: readonly JournalEntry[]): Promise<JournalEntry[]> {
  const found = (await findWork(tree, own, former)).flatMap(({ entry }) => entry ?? []);
  const ids = new Set(found.map(({ id }) => id));
  // A commit of an earlier version may have lost its files. Undoing it throws an error that names them.
  return [...found, ...former.filter(({ id, state }) => state === 'applying' && !ids.has(id))];
}

/** Undoes the performed steps of a commit and records the rollback in the history. */
export async function rollBack(tree: AnchoredTree, own: DirectoryHandle, entry: JournalEntry): Promise<Displaced[]> {
  const displaced = await undoWork(tree, own, entry.id);
  await keepHistory(tree.root, [{ ...entry, state: 'rolled-back', endedAt: new Date().toISOString() }]);
  return displaced;
}

async function undoWork(tree: AnchoredTree, own: DirectoryHandle, id: string): Promise<Displaced[]> {
  const directory = workDirectory(id);
  const displaced = await inWork(tree, directory, async (work) => {
    const { steps } = (await readIntent(work, id)) ?? { steps: [] };
    return await inWork(tree, `${directory}/new`, (fresh) =>
      inWork(tree, `${directory}/old`, (old) => undo({ tree, fresh, old }, id, steps)),
    );
  });
  await endWork(tree, own, id, 'rolled-back');
  return displaced;
}

/**
 * Returns the kind of recovery that is needed. `leftovers`: only the directory itself and locks, which do not disturb
 * readers of the target.
 */
async function pendingWork(tree: AnchoredTree): Promise<'nothing' | 'leftovers' | 'recovery'> {
  const found = await inOwnDirectoryIfThere(tree, async (own) => {
    const names = await own.list();
    if (names.some(isWork)) return 'recovery';
    if ((await readLegacyJournal(own)).some(({ state }) => state === 'applying')) return 'recovery';
    return names.every((name) => name === IGNORE) || names.some(isLockName) ? 'leftovers' : 'nothing';
  });
  return found ?? 'nothing';
}

/**
 * Ignores errors of removing leftovers: this process may lack write permission, or another one is about to start a
 * commit.
 */
function ignoreUnremovable(error: unknown): Recovery {
  const isBusy = error instanceof CommitError && error.code === 'commit-busy';
  if (isBusy || hasVanished(error) || ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? ''))
    return { ...NOTHING };
  throw error;
}

/**
 * Runs `work` in `.ripcord`. Returns undefined if the directory does not exist or another process removes it meanwhile.
 */
async function inOwnDirectoryIfThere<T>(
  tree: AnchoredTree,
  work: (own: DirectoryHandle) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await inOwnDirectory(tree, work);
  } catch (error) {
    if (hasVanished(error)) return undefined;
    throw error;
  }
}
