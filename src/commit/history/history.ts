/**
 * The history of finished commits: `$XDG_STATE_HOME/ripcord/commits/<name>-<hash>.json`, one file for each target. It
 * is stored outside the target, so that `git status`, archives and sandboxes do not see it. The holder of the target's
 * lock replaces the file atomically. No decision depends on it: a recovery reads only the target.
 */
import { z } from 'zod';
import { forEachLimited } from '../../base/concurrency.js';
import { messageOf } from '../../base/errors.js';
import { printable } from '../../base/harmless-text.js';
import { errnoOf, hostFileError } from '../../base/host-error.js';
import { AnchoredTree, type DirectoryHandle } from '../anchored-tree.js';
import { lstat, unlink } from '../fs.js';
import { entrySchema, invalidJournal, type JournalEntry, writeDurably } from '../journal.js';
import { projectFile } from './project-file.js';
import { readSmallFile } from './small-file.js';
import { makeStateDirectory, ownStateDirectory } from './state-home.js';

/** Name of the directory in {@link ownStateDirectory}. */
const COMMITS = 'commits';
/** Maximum number of commits stored for a target. Enough to find a commit that a crashed run began. */
export const MAX_ENTRIES = 100;
/** Maximum number of targets. Beyond it, the targets with the oldest last commit are removed. */
const MAX_PROJECTS = 1000;

const historySchema = z.strictObject({
  version: z.literal(1),
  /** Real path of the target. */
  target: z.string(),
  commits: z.array(entrySchema.extend({ state: z.enum(['committed', 'rolled-back']) })),
});

/**
 * Returns the finished commits to `target` (its real path), oldest first.
 * @throws CommitError `commit-journal-invalid` if the file is not a history of this target, FileError
 */
export async function readHistory(target: string): Promise<JournalEntry[]> {
  const directory = historyDirectory();
  if (directory === undefined) return [];
  const file = `${directory}/${projectFile(target)}`;
  try {
    return await readFrom(file, file, target);
  } catch (error) {
    throw hostFileError(error, 'read', file);
  }
}

/**
 * Adds finished commits to the history of `target`, or replaces their entries.
 * @returns the reason why they could not be saved; undefined if they were. The commit itself does not fail.
 */
export async function keepHistory(target: string, entries: readonly JournalEntry[]): Promise<string | undefined> {
  const finished = entries.filter(({ state }) => state !== 'applying');
  if (finished.length === 0) return undefined;
  try {
    const directory = await makeStateDirectory(COMMITS);
    const tree = await AnchoredTree.open(directory);
    try {
      await tree.inside('', (handle) => add(handle, directory, target, finished));
    } finally {
      await tree.close();
    }
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function add(
  handle: DirectoryHandle,
  directory: string,
  target: string,
  finished: readonly JournalEntry[],
): Promise<void> {
  const name = projectFile(target);
  const known = await readFrom(handle.at(name), `${directory}/${name}`, target);
  const latest = new Map([...known, ...finished].map((entry) => [entry.id, entry]));
  const commits = [...latest.values()].slice(-MAX_ENTRIES);
  await writeDurably(handle, name, `${JSON.stringify({ version: 1, target, commits }, null, 1)}\n`);
  if (known.length === 0) await forgetOldest(handle);
}

/**
 * Reads and checks a history.
 * @param shown The path that errors show.
 */
async function readFrom(path: string, shown: string, target: string): Promise<JournalEntry[]> {
  const text = await readSmallFile(path);
  if (text === undefined) return [];
  const parsed = historySchema.safeParse(parseJson(text));
  if (parsed.success && parsed.data.target === target) return parsed.data.commits;
  const why = parsed.success ? `it belongs to ${printable(parsed.data.target)}` : 'it cannot be read';
  throw invalidJournal(`The history ${printable(shown)} is not valid: ${why}`, 'Look at it, then remove it.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function forgetOldest(handle: DirectoryHandle): Promise<void> {
  const names = await handle.list();
  if (names.length <= MAX_PROJECTS) return;
  const ages: { name: string; at: bigint }[] = [];
  await forEachLimited(names, undefined, async (name) => {
    const stats = await lstat(handle.at(name)).catch(() => undefined);
    if (stats?.isFile()) ages.push({ name, at: stats.mtimeNs });
  });
  ages.sort((a, b) => (a.at < b.at ? -1 : 1));
  for (const { name } of ages.slice(0, Math.max(0, ages.length - MAX_PROJECTS))) {
    await unlink(handle.at(name)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }
}

/** Returns the directory of all histories. Undefined if this user has no state directory. */
export function historyDirectory(): string | undefined {
  try {
    return `${ownStateDirectory()}/${COMMITS}`;
  } catch {
    return undefined;
  }
}
