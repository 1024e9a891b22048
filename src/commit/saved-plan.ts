/** Saves a plan to a file, so that another process can review and apply it later. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { printable } from '../base/harmless-text.js';
import { hostFileError } from '../base/host-error.js';
import { CommitError } from './errors.js';
import type { PrepareCommitOptions } from './options.js';
import { type CommitPlan, planChanges } from './plan.js';

const entrySchema = z.strictObject({
  kind: z.enum(['file', 'directory', 'link', 'other']),
  mode: z.number().int().min(0).max(0o7777),
  size: z.number().int().min(0),
  mtimeMs: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/).optional(),
  linkTarget: z.string().optional(),
}); // biome-ignore format: one line each

export const changeSchema = z.strictObject({
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted', 'mode-changed', 'type-changed']),
  kind: entrySchema.shape.kind,
  before: entrySchema.optional(),
  after: entrySchema.optional(),
});

const savedSchema = z.strictObject({
  ripcordPlan: z.literal(1),
  /** Directories with the files that the sandbox began with and ended with. */
  base: z.string().optional(),
  result: z.string(),
  /** True if a result mark or the user named the deletions. False if the result only lacks these paths. */
  deletionsKnown: z.boolean().default(false),
  changes: z.array(changeSchema),
  refused: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
});

/**
 * Writes the changes of `plan` to `file`. The result's files stay in their directory; the file stores their hashes.
 * @param deletionsKnown True if a result mark or the user named the deletions. False if the result only lacks these
 * paths.
 */
export async function savePlan(plan: CommitPlan, file: string, deletionsKnown = false): Promise<void> {
  const changes = plan.changes.map(({ binary: _, ...change }) => change);
  const { base, result } = plan.sources;
  const refusals = new Set(plan.refusals.map((refusal) => printable(refusal.path)));
  const refused = plan.refused.filter((entry) => !refusals.has(entry.path));
  const sources = { base: base && path.resolve(base), result: path.resolve(result) };
  const document = { ripcordPlan: 1, ...sources, deletionsKnown, changes, refused };
  try {
    await writeFile(file, `${JSON.stringify(document, null, 1)}\n`);
  } catch (error) {
    throw hostFileError(error, 'write', file);
  }
}

/** A saved plan, computed again for a target. */
interface SavedPlan {
  plan: CommitPlan;
  deletionsKnown: boolean;
}

/**
 * Plans the changes in `file` again, for `target` as it is now. Conflicts, flags and refusals are computed again.
 * @param deletions False to skip deletions.
 * @throws CommitError `commit-plan-invalid`, and the errors of `prepareCommit`
 */
export async function planSaved(
  file: string,
  target: string,
  options?: Omit<PrepareCommitOptions, 'gitignore' | 'defaultIgnores'>,
  deletions = true,
): Promise<SavedPlan> {
  const { base, result, refused, deletionsKnown, ...saved } = await load(file);
  const changes = deletions ? saved.changes : saved.changes.filter(({ change }) => change !== 'deleted');
  const manifest = new Map(changes.flatMap(({ path: at, before }) => (before ? [[at, before] as const] : [])));
  const sources = { base: { manifest, directory: base }, changes, directory: result, refused, target };
  // The .gitignore files were applied when the plan was saved. Do not apply them twice.
  return { plan: await planChanges(sources, { ...options, gitignore: false, defaultIgnores: false }), deletionsKnown };
}

async function load(file: string): Promise<z.output<typeof savedSchema>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw hostFileError(error, 'read', file);
  }
  try {
    return savedSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new CommitError('commit-plan-invalid', `${printable(file)} is not a saved plan`, {
      hint: 'ripcord diff SEED RESULT --save FILE writes one.',
      cause: error,
    });
  }
}
