/**
 * The files that a commit keeps in `<target>/.ripcord` while it is in progress. They stay if its process dies:
 *
 *     .gitignore          `*`: the project does not own these files
 *     lock/               the committing process
 *     commit-<id>/
 *       intent            the steps, sealed; without it the target was not touched
 *       new/<n>           entries to write
 *       old/<n>           entries that were replaced
 *
 * At the end the directory is renamed to `committed-<id>` or `rolled-back-<id>`. Then the history is saved elsewhere
 * (history.ts), and all of this is removed.
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

/** The directory in a target that commits use. It is never seeded, diffed or committed. */
export const OWN_DIRECTORY = '.ripcord';

/**
 * `applying`: in progress, or its process died and {@link recoverCommit} is due. `committed`: the target is in its new
 * state. `rolled-back`: the target is in its old state. A commit that is not listed has changed nothing.
 */
export type CommitState = 'applying' | 'committed' | 'rolled-back';

export interface JournalEntry {
  id: string;
  state: CommitState;
  /** Number of paths that the commit changes. */
  changes: number;
  startedAt: string;
  endedAt?: string | undefined;
}

/** The steps that a commit is about to take. */
export interface Intent {
  id: string;
  /** Undefined in intents of versions that stored it elsewhere. */
  changes?: number | undefined;
  startedAt?: string | undefined;
  steps: StoredStep[];
}

const INTENT = 'intent';
export const IGNORE = '.gitignore';

const COMMIT_ID = /^[0-9a-z]{16}$/;

/** ISO 8601 dates are shorter. */
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
 * Writes the intended steps into the commit's directory, sealed. A repository can contain a `.ripcord` of its own.
 * Undoing a forged intent would let it write to `.git`, which a checkout itself cannot do. Therefore an intent is valid
 * only with a seal made with this user's key.
 */
export async function writeIntent(work: DirectoryHandle, intent: Intent): Promise<void> {
  await writeDurably(work, INTENT, await sealed(JSON.stringify({ version: 2, ...intent })));
}

/**
 * Reads the intent of commit `id`.
 * @returns undefined without an intent
 * @throws CommitError `commit-journal-invalid` if this user did not write it, or the key is gone
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

/** The error for an intent that another user, an earlier version or a commit without a stored key wrote. */
function foreign(why: string): CommitError {
  return invalidJournal(
    `The commit journal of the target is not valid: ${why}`,
    `Only the user who made the commit can undo it, with the same XDG_STATE_HOME, and only if the key was stored there. ` +
      `Otherwise look at ${OWN_DIRECTORY} in the target: commit-*/old has the replaced files, unless another user made it. ` +
      'Then remove the directory.',
  );
}

/** Replaces a file atomically: readers see the old file or the new one, also after a power cut. */
export async function writeDurably(handle: DirectoryHandle, name: string, text: string): Promise<void> {
  const partial = handle.at(`${name}.partial`);
  // A crash may have left a partial file, and a hostile repository may contain a link of this name. Never write to
  // either.
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
    `Look at ${OWN_DIRECTORY} in the target: commit-*/old has the replaced files. Then remove the directory.`,
    cause,
  );
}

export function invalidJournal(message: string, hint: string, cause?: unknown): CommitError {
  return new CommitError('commit-journal-invalid', message, { hint, cause });
}

/** Writes a `.gitignore` so that git ignores the directory. */
export async function hideFromGit(handle: DirectoryHandle): Promise<void> {
  try {
    await writeFile(handle.at(IGNORE), '*\n', { flag: 'wx', mode: 0o644 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
