import { lstat } from 'node:fs/promises';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { parseOptions } from '../base/parse-options.js';
import { AnchoredTree, type Place } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { readFormer, removeFormer } from './history/former.js';
import { keepHistory, MAX_ENTRIES, readHistory } from './history/history.js';
import type { JournalEntry } from './journal.js';
import { IGNORE, readIntent } from './journal.js';
import { isLockName } from './lock.js';
import type { RecoverOptions } from './options.js';
import { recoverSchema } from './options.js';
import type { Displaced } from './undo.js';
import { undo } from './undo.js';
import { endWork, findWork, inWork, isWork, removeWork, workDirectory } from './work.js';
import { hasVanished, inHome, withHome } from './work-directory.js';

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
  /** The reason why {@link readCommits} will not know of these commits. Undefined when the history has them. */
  historyProblem?: string | undefined;
}

const NOTHING: Recovery = { outcome: 'nothing', commits: [], displaced: [] };

/**
 * Brings a target whose commit was interrupted by a crash or a kill to its wholly old or wholly new state. The files in its
 * `.ripcord` say which; they are removed. Does nothing where nothing was interrupted; can itself be killed and run again.
 * {@link prepareCommit} and {@link applyCommit} do it first.
 *
 * @throws CommitError `commit-busy` while a live process commits, `commit-blocked` when something stands in the way,
 * `commit-journal-invalid` when the journal was not written here. FileError.
 */
export async function recoverCommit(target: string, options?: RecoverOptions): Promise<Recovery> {
  const { lockTimeoutMs, signal } = parseOptions(recoverSchema, options, 'recoverCommit');
  const tree = await openTree(target);
  if (tree === undefined) return { ...NOTHING };
  try {
    switch (await whatIsDue(tree)) {
      case 'nothing':
        return { ...NOTHING };
      case 'litter':
        return await withHome(tree, { timeoutMs: 0, signal }, (home) => recoverLocked(tree, home)).catch(orLeaveIt);
      case 'recovery':
        return await withHome(tree, { timeoutMs: lockTimeoutMs, signal }, (home) => recoverLocked(tree, home));
    }
  } finally {
    await tree.close();
  }
}

/**
 * Lists the last 100 commits to a directory, oldest first. Those under way or interrupted stand in its `.ripcord`, the
 * finished ones in `$XDG_STATE_HOME/ripcord/commits` (without that variable `~/.local/state/ripcord/commits`)
 * under its real path: a project that is moved begins a new history.
 *
 * @throws CommitError `commit-journal-invalid` when one of them was not written by Ripcord. FileError.
 */
export async function readCommits(target: string): Promise<JournalEntry[]> {
  const tree = await openTree(target);
  if (tree === undefined) return [];
  try {
    // In this order: what ends in between is in the history before it is gone from the target.
    const there = (await inHomeIfThere(tree, (home) => readThere(tree, home))) ?? { former: [], work: [] };
    const kept = await readHistory(tree.root);
    const known = new Set(kept.map(({ id }) => id));
    const missing = (entries: readonly JournalEntry[]) => entries.filter(({ id }) => !known.has(id));
    return [...missing(there.former), ...kept, ...missing(there.work)].slice(-MAX_ENTRIES);
  } finally {
    await tree.close();
  }
}

async function readThere(tree: AnchoredTree, home: Place): Promise<{ former: JournalEntry[]; work: JournalEntry[] }> {
  const former = await readFormer(home);
  const work = (await findWork(tree, home, former)).flatMap(({ entry }) => entry ?? []);
  const ids = new Set(work.map(({ id }) => id));
  return { former: former.filter(({ id }) => !ids.has(id)), work };
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

/** {@link recoverCommit} for who holds the lock already. Moves what an earlier version kept in the target, too. */
export async function recoverLocked(tree: AnchoredTree, home: Place): Promise<Recovery> {
  const former = await readFormer(home);
  const finished = former.filter(({ state }) => state !== 'applying');
  const displaced: Displaced[] = [];
  const done = { committed: [] as string[], 'rolled-back': [] as string[] };
  for (const entry of await due(tree, home, former)) {
    if (entry.state === 'applying') displaced.push(...(await undoWork(tree, home, entry.id)));
    const state = entry.state === 'applying' ? 'rolled-back' : entry.state;
    done[state].push(entry.id);
    finished.push({ ...entry, state, endedAt: entry.endedAt ?? new Date().toISOString() });
  }
  const historyProblem = await keepHistory(tree.root, finished);
  await removeWork(tree, home);
  // It is all there is of it: it stays until it can be moved.
  if (historyProblem === undefined) await removeFormer(home);
  const problem = historyProblem === undefined ? {} : { historyProblem };
  const rolledBack = done['rolled-back'];
  if (rolledBack.length > 0) return { outcome: 'rolled-back', commits: rolledBack, displaced, ...problem };
  const outcome = done.committed.length > 0 ? 'completed' : 'nothing';
  return { outcome, commits: done.committed, displaced, ...problem };
}

async function due(tree: AnchoredTree, home: Place, former: readonly JournalEntry[]): Promise<JournalEntry[]> {
  const found = (await findWork(tree, home, former)).flatMap(({ entry }) => entry ?? []);
  const ids = new Set(found.map(({ id }) => id));
  // An earlier version's commit may have lost its files. Undoing it throws an error that says so.
  return [...found, ...former.filter(({ id, state }) => state === 'applying' && !ids.has(id))];
}

/** Undoes what was made of a commit, and keeps that in the history. */
export async function rollBack(tree: AnchoredTree, home: Place, entry: JournalEntry): Promise<Displaced[]> {
  const displaced = await undoWork(tree, home, entry.id);
  await keepHistory(tree.root, [{ ...entry, state: 'rolled-back', endedAt: new Date().toISOString() }]);
  return displaced;
}

async function undoWork(tree: AnchoredTree, home: Place, id: string): Promise<Displaced[]> {
  const directory = workDirectory(id);
  const displaced = await inWork(tree, directory, async (work) => {
    const { steps } = (await readIntent(work, id)) ?? { steps: [] };
    return await inWork(tree, `${directory}/new`, (fresh) =>
      inWork(tree, `${directory}/old`, (old) => undo({ tree, fresh, old }, id, steps)),
    );
  });
  await endWork(tree, home, id, 'rolled-back');
  return displaced;
}

/** Tells how much there is to do. `litter`: only the directory itself and locks, which harm no reader of the target. */
async function whatIsDue(tree: AnchoredTree): Promise<'nothing' | 'litter' | 'recovery'> {
  const found = await inHomeIfThere(tree, async (home) => {
    const names = await home.list();
    if (names.some(isWork)) return 'recovery';
    if ((await readFormer(home)).some(({ state }) => state === 'applying')) return 'recovery';
    return names.every((name) => name === IGNORE) || names.some(isLockName) ? 'litter' : 'nothing';
  });
  return found ?? 'nothing';
}

/** Litter may stay where this process cannot write, or where another one is about to begin a commit. */
function orLeaveIt(error: unknown): Recovery {
  const isBusy = error instanceof CommitError && error.code === 'commit-busy';
  if (isBusy || hasVanished(error) || ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error) ?? ''))
    return { ...NOTHING };
  throw error;
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
