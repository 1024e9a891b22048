/**
 * Reads the journal of earlier versions. They stored the history in the target, in `.ripcord/journal.json`, with the
 * state of each commit. The next commit to such a target, or a recovery, moves it. A repository can contain such a
 * file, so it decides only about commits with a sealed intent: an attacker cannot guess their random identifiers.
 */
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { DirectoryHandle } from '../anchored-tree.js';
import { entrySchema, invalidJournal, type JournalEntry, OWN_DIRECTORY } from '../journal.js';
import { readSmallFile } from './small-file.js';

const FILE = 'journal.json';
/** The `.partial` file remains if the process was killed while it wrote the journal. */
const LEGACY_NAMES: readonly string[] = [FILE, `${FILE}.partial`];

const legacySchema = z.strictObject({ version: z.literal(1), commits: z.array(entrySchema) });

/**
 * Returns the entries, oldest first.
 * @param own The target's {@link OWN_DIRECTORY}.
 * @throws CommitError `commit-journal-invalid`
 */
export async function readLegacyJournal(own: DirectoryHandle): Promise<JournalEntry[]> {
  const text = await readSmallFile(own.at(FILE));
  if (text === undefined) return [];
  try {
    return legacySchema.parse(JSON.parse(text)).commits;
  } catch (cause) {
    throw invalidJournal(
      `${OWN_DIRECTORY}/${FILE} in the target cannot be read`,
      `Look at ${OWN_DIRECTORY}: commit-*/old has the replaced files. Then remove the directory.`,
      cause,
    );
  }
}

export async function removeLegacyJournal(own: DirectoryHandle): Promise<void> {
  for (const name of LEGACY_NAMES) await rm(own.at(name), { force: true });
}
