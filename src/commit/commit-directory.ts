/**
 * The directories of single commits in a target's `.ripcord`. Their names record how far a commit came; see journal.ts.
 */
import { removeTree } from '../base/remove-tree.js';
import { type AnchoredTree, type DirectoryHandle, UnusableDirectory } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { lstat, rename } from './fs.js';
import { lstatIfThere } from './identity.js';
import type { CommitState, Intent, JournalEntry } from './journal.js';
import { OWN_DIRECTORY, readIntent } from './journal.js';

const NAME = /^(commit|committed|rolled-back)-([0-9a-z]{16})$/;

/** Final states of a commit. */
type End = Exclude<CommitState, 'applying'>;

/** A commit that is in progress, or that was when its process died. */
interface Work {
  id: string;
  /**
   * Undefined if the commit has not touched the target, or if its history is saved and its directory is partly removed.
   */
  entry: JournalEntry | undefined;
}

/** Returns the directory of a commit in progress, relative to the target. */
export const workDirectory = (id: string): string => `${OWN_DIRECTORY}/commit-${id}`;

export const isWork = (name: string): boolean => NAME.test(name);

/**
 * Lists the commits in the target's {@link OWN_DIRECTORY}.
 * @param former Entries of the journal that an earlier version left there.
 * @throws CommitError `commit-journal-invalid`
 */
export async function findWork(
  tree: AnchoredTree,
  own: DirectoryHandle,
  former: readonly JournalEntry[],
): Promise<Work[]> {
  const found: Work[] = [];
  for (const name of await own.list()) {
    const [, begin, id] = NAME.exec(name) ?? [];
    if (id === undefined) continue;
    const known = former.find((entry) => entry.id === id);
    try {
      const intent = await inWork(tree, `${OWN_DIRECTORY}/${name}`, (work) => readIntent(work, id));
      const entry = intent && (await entryOf(intent, stateOf(begin!, known), own.at(name), known));
      found.push({ id, entry });
    } catch (error) {
      if ((await lstatIfThere(own.at(name))) !== undefined) throw error;
      // This was read without the lock while the commit ended. It now has its next name, or is in the history.
      return findWork(tree, own, former);
    }
  }
  return found;
}

function stateOf(begin: string, known: JournalEntry | undefined): CommitState {
  if (known !== undefined && known.state !== 'applying') return known.state;
  return begin === 'commit' ? 'applying' : (begin as End);
}

async function entryOf(
  { id, changes, startedAt, steps }: Intent,
  state: CommitState,
  directory: string,
  known: JournalEntry | undefined,
): Promise<JournalEntry> {
  if (known !== undefined && changes === undefined) return { ...known, state };
  // Renaming the directory ended the commit, so its ctime is the end. File systems keep no better record.
  const { ctimeMs } = await lstat(directory);
  const changed = new Date(Number(ctimeMs)).toISOString();
  const entry = { id, state, changes: changes ?? steps.length, startedAt: startedAt ?? changed };
  return state === 'applying' ? entry : { ...entry, endedAt: changed };
}

/**
 * Ends a commit with one atomic rename. A crash before it is rolled back. A crash after it only leaves files to remove.
 */
export async function endWork(tree: AnchoredTree, own: DirectoryHandle, id: string, end: End): Promise<void> {
  const [from, to] = [own.at(`commit-${id}`), own.at(`${end}-${id}`)];
  await rename(from, to);
  try {
    await own.sync();
  } catch (error) {
    // The new name may not survive a power cut, so the commit has not ended.
    await rename(to, from);
    throw error;
  }
  await tree.forget(workDirectory(id));
}

/**
 * Removes the directories of all commits except `except`. A directory is renamed first to a name that needs no undo,
 * because the process may be killed when half of it is removed.
 */
export async function removeWork(tree: AnchoredTree, own: DirectoryHandle, except?: string): Promise<void> {
  for (const name of await own.list()) {
    const [, begin, id] = NAME.exec(name) ?? [];
    if (id === undefined || id === except) continue;
    if (begin === 'commit') await endWork(tree, own, id, 'rolled-back');
    await removeTree(own.at(begin === 'commit' ? `rolled-back-${id}` : name));
  }
}

/** @throws CommitError `commit-journal-invalid` if a part of the directory is missing or replaced */
export async function inWork<T>(
  tree: AnchoredTree,
  directory: string,
  work: (handle: DirectoryHandle) => Promise<T>,
): Promise<T> {
  try {
    return await tree.inside(directory, work);
  } catch (error) {
    if (!(error instanceof UnusableDirectory && error.directory.startsWith(directory))) throw error;
    throw new CommitError('commit-journal-invalid', `The commit journal of the target is not valid: ${error.message}`, {
      hint: `A part of ${OWN_DIRECTORY} was removed. Look at the rest, then remove it.`,
    });
  }
}
