/**
 * The history of finished commits, `$XDG_STATE_HOME/ripcord/commits/<name>-<hash>.json`, one file for each target. The
 * target itself has nothing of it: `git status`, archives and sandboxes do not see it. The holder of the target's lock
 * replaces the file as a whole. It decides nothing: a recovery reads the target alone.
 */
import { z } from 'zod';
import { forEachLimited } from '../../base/concurrency.js';
import { messageOf } from '../../base/errors.js';
import { errnoOf, hostFileError } from '../../base/host-error.js';
import { printable } from '../../base/printable.js';
import { AnchoredTree, type DirectoryHandle } from '../anchored-tree.js';
import { lstat, unlink } from '../fs.js';
import { entrySchema, invalidJournal, type JournalEntry, writeDurably } from '../journal.js';
import { projectFile } from './project-file.js';
import { readSmallFile } from './small-file.js';
import { makeStateDirectory, ownStateDirectory } from './state-home.js';

/** Below {@link ownStateDirectory}. */
const COMMITS = 'commits';
/** Enough to find out about a commit that a crashed run had begun. */
export const MAX_ENTRIES = 100;
/** Targets come and go. Beyond these, the ones whose last commit is longest ago are forgotten. */
const MAX_PROJECTS = 1000;

const historySchema = z.strictObject({
  version: z.literal(1),
  /** The real path of the directory. */
  target: z.string(),
  commits: z.array(entrySchema.extend({ state: z.enum(['committed', 'rolled-back']) })),
});

/**
 * The finished commits to `target` (its real path), oldest first; none where none were kept.
 * @throws CommitError `commit-journal-invalid` when the file is not one of these, FileError
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
 * Adds finished commits to the history of `target`, or replaces what is known of them.
 * @returns why they could not be kept; undefined when they were. A commit that is made does not fail by this.
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

/** @param shown what errors call it */
async function readFrom(path: string, shown: string, target: string): Promise<JournalEntry[]> {
  const text = await readSmallFile(path);
  if (text === undefined) return [];
  const parsed = historySchema.safeParse(parseJson(text));
  if (parsed.success && parsed.data.target === target) return parsed.data.commits;
  const why = parsed.success ? `it is that of ${printable(parsed.data.target)}` : 'it cannot be read';
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

/** The directory of all histories. Undefined where this user has no place for it. */
export function historyDirectory(): string | undefined {
  try {
    return `${ownStateDirectory()}/${COMMITS}`;
  } catch {
    return undefined;
  }
}
