/**
 * A commit keeps these files in its target, in `<target>/.ripcord`, while it is under way. They stay when its process dies:
 *
 *     .gitignore          `*`: none of this is the project's
 *     lock/               who commits
 *     commit-<id>/
 *       intent            the steps, sealed; without it nothing of the target was touched
 *       new/<n>           what will be there
 *       old/<n>           what was there
 *
 * The name says how it ended: `committed-<id>`, `rolled-back-<id>`. Then its history is kept elsewhere (history.ts), and all
 * of this is removed.
 */
import { rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { close, open, writeFully } from '../base/fd.js';
import { errnoOf } from '../base/host-error.js';
import { pathProblem } from '../base/path-rules.js';
import type { DirectoryHandle } from './anchored-tree.js';
import { CommitError } from './errors.js';
import { fsync, rename } from './fs.js';
import { NotSealed, readSealed, sealed } from './history/sealed-file.js';
import type { StoredStep } from './steps.js';

/** The directory in a target that commits use. Never seeded, diffed or committed. */
export const OWN_DIRECTORY = '.ripcord';

/**
 * `applying`: under way, or its process died and {@link recoverCommit} is due. `committed`: the target is wholly new.
 * `rolled-back`: wholly old. An unknown commit has changed nothing.
 */
export type CommitState = 'applying' | 'committed' | 'rolled-back';

export interface JournalEntry {
  id: string;
  state: CommitState;
  /** How many paths it changes. */
  changes: number;
  startedAt: string;
  endedAt?: string | undefined;
}

/** The steps that a commit is about to take. */
export interface Intent {
  id: string;
  /** Undefined in those of versions that kept it elsewhere. */
  changes?: number | undefined;
  startedAt?: string | undefined;
  steps: StoredStep[];
}

const INTENT = 'intent';
export const IGNORE = '.gitignore';

export const COMMIT_ID = /^[0-9a-z]{16}$/;

/** Longer than any date. */
const time = z.string().max(40);

export const entrySchema = z.strictObject({
  id: z.string().regex(COMMIT_ID),
  state: z.enum(['applying', 'committed', 'rolled-back']),
  changes: z.number().int().min(0),
  startedAt: time,
  endedAt: time.optional(),
});

const number = z.string().regex(/^\d{1,20}$/);
const intentSchema = z.strictObject({
  version: z.literal([1, 2]),
  id: z.string().regex(COMMIT_ID),
  changes: z.number().int().min(0).optional(),
  startedAt: time.optional(),
  steps: z.array(
    z.strictObject({
      n: z.number().int().min(0),
      step: z.enum(['remove', 'remove-directory', 'make-directory', 'place', 'replace', 'set-mode']),
      path: z.string().refine((path) => pathProblem(path) === undefined),
      written: z
        .strictObject({
          kind: z.enum(['file', 'directory', 'link', 'other']),
          sha256: z.string().optional(),
          linkTarget: z.string().optional(),
          identity: z.strictObject({ ino: number, size: number, mtimeNs: number }).optional(),
        })
        .optional(),
      oldMode: z.number().int().min(0).max(0o7777).optional(),
    }),
  ),
});

/**
 * Writes what is about to be done into the commit's own directory. A repository can bring a `.ripcord` of its own along.
 * Undoing what a forged intent says would let it write to `.git`, which a checkout itself cannot; so an intent counts only
 * with the seal of a key that this user alone has.
 */
export async function writeIntent(work: DirectoryHandle, intent: Intent): Promise<void> {
  await writeDurably(work, INTENT, await sealed(JSON.stringify({ version: 2, ...intent })));
}

/**
 * @returns undefined where there is none
 * @throws CommitError `commit-journal-invalid` when it was not written by this user, or the key is gone
 */
export async function readIntent(work: DirectoryHandle, id: string): Promise<Intent | undefined> {
  const text = await readOwnIntent(work);
  if (text === undefined) return undefined;
  const { version: _, ...intent } = parseIntent(text);
  if (intent.id !== id) throw invalid('its intent belongs to another commit');
  return intent;
}

async function readOwnIntent(work: DirectoryHandle): Promise<string | undefined> {
  try {
    return await readSealed(work.at(INTENT));
  } catch (error) {
    if (error instanceof NotSealed) throw foreign(error.message);
    throw error;
  }
}

/** A stranger's, an earlier version's, or of a commit that could keep no key. */
function foreign(why: string): CommitError {
  return invalidJournal(
    `The commit journal of the target is not valid: ${why}`,
    `Only the user who made the commit, with the XDG_STATE_HOME of then, can undo it, and only where a key could be kept. ` +
      `Else look at ${OWN_DIRECTORY} in the target: what is in commit-*/old was there before, if it is not a stranger's. ` +
      'Then remove the directory.',
  );
}

/** Replaces a file as a whole: a reader, and a power cut, see the old one or the new one. */
export async function writeDurably(handle: DirectoryHandle, name: string, text: string): Promise<void> {
  const partial = handle.at(`${name}.partial`);
  // A crash may have left one, a hostile repository a link: neither is written to.
  await rm(partial, { force: true });
  const fd = await open(partial, 'wx', 0o600);
  try {
    await writeFully(fd, Buffer.from(text));
    await fsync(fd);
  } finally {
    await close(fd);
  }
  await rename(partial, handle.at(name));
  await handle.sync();
}

function parseIntent(text: string): z.output<typeof intentSchema> {
  try {
    return intentSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalid('it cannot be read', error);
  }
}

function invalid(why: string, cause?: unknown): CommitError {
  return invalidJournal(
    `The commit journal of the target is not valid: ${why}`,
    `Look at ${OWN_DIRECTORY} in the target: what is in commit-*/old was there before. Then remove the directory.`,
    cause,
  );
}

export function invalidJournal(message: string, hint: string, cause?: unknown): CommitError {
  return new CommitError('commit-journal-invalid', message, { hint, cause });
}

/** Makes sure git does not see the directory. */
export async function hideFromGit(handle: DirectoryHandle): Promise<void> {
  try {
    await writeFile(handle.at(IGNORE), '*\n', { flag: 'wx', mode: 0o644 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
