/** The directories of single commits in a target's `.ripcord`. Their names say how far a commit came: journal.ts. */
import { removeTree } from '../base/remove-tree.js';
import { type AnchoredTree, type DirectoryHandle, UnusableDirectory } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { lstat, rename } from './fs.js';
import { lstatIfThere } from './identity.js';
import type { CommitState, Intent, JournalEntry } from './journal.js';
import { OWN_DIRECTORY, readIntent } from './journal.js';

const NAME = /^(commit|committed|rolled-back)-([0-9a-z]{16})$/;

/** How a commit ends. */
type End = Exclude<CommitState, 'applying'>;

/** A commit that is under way, or that was when its process died. */
export interface Work {
  id: string;
  /** Undefined: it has not touched the target, or its history is kept and it is half removed. */
  entry: JournalEntry | undefined;
}

/** The directory of a commit under way, relative to the target. */
export const workDirectory = (id: string): string => `${OWN_DIRECTORY}/commit-${id}`;

export const isWork = (name: string): boolean => NAME.test(name);

/**
 * Lists the commits in the target's {@link OWN_DIRECTORY}.
 * @param former What an earlier version says about commits that it left there.
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
      // Read without the lock, while it ended: under its next name, or in the history.
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
  // Renaming the directory was its end, as far as the file system remembers that.
  const { ctimeMs } = await lstat(directory);
  const changed = new Date(Number(ctimeMs)).toISOString();
  const entry = { id, state, changes: changes ?? steps.length, startedAt: startedAt ?? changed };
  return state === 'applying' ? entry : { ...entry, endedAt: changed };
}

/**
 * The one moment at which a commit becomes what `end` says. Before it, a crash is rolled back; after it, there is only
 * something to remove.
 */
export async function endWork(tree: AnchoredTree, own: DirectoryHandle, id: string, end: End): Promise<void> {
  const [from, to] = [own.at(`commit-${id}`), own.at(`${end}-${id}`)];
  await rename(from, to);
  try {
    await own.sync();
  } catch (error) {
    // The new name may not outlive a power cut, so the commit has not ended.
    await rename(to, from);
    throw error;
  }
  await tree.forget(workDirectory(id));
}

/**
 * Removes all of them but `except`. Under a name that says that nothing is to be undone: a process may be killed when
 * half of one is gone.
 */
export async function removeWork(tree: AnchoredTree, own: DirectoryHandle, except?: string): Promise<void> {
  for (const name of await own.list()) {
    const [, begin, id] = NAME.exec(name) ?? [];
    if (id === undefined || id === except) continue;
    if (begin === 'commit') await endWork(tree, own, id, 'rolled-back');
    await removeTree(own.at(begin === 'commit' ? `rolled-back-${id}` : name));
  }
}

/** @throws CommitError `commit-journal-invalid` where a part of it is missing or something else is in its place */
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
      hint: `Somebody removed part of ${OWN_DIRECTORY}. Remove the rest of it when you have looked at it.`,
    });
  }
}
