/** The options of commits, one schema each. */
import { z } from 'zod';
import { sizeSchema } from '../base/option-fields.js';
import { FLAG_RULES } from './review/obeyed-files.js';

const signal = z
  .custom<AbortSignal>((value) => value instanceof AbortSignal, { error: 'expected an AbortSignal' })
  .optional();
const patterns = z.array(z.string().min(1)).default([]);
const lockTimeoutMs = z.number().int().min(0).max(3_600_000).default(10_000);

const prepareFields = {
  /** Patterns in .gitignore syntax. Matching changes are not part of the commit. */
  ignore: patterns,
  /** Leave out new files that the seed's own .gitignore files name, as the seed left such files out. Default true. */
  gitignore: z.boolean().default(true),
  /** Leave out new caches, dependency trees and files of the system: `DEFAULT_IGNORES`. Default true. */
  defaultIgnores: z.boolean().default(true),
  /** More changed paths are an error (`too-many-entries`). Default 10,000. */
  maxEntries: z.number().int().min(1).default(10_000),
  /** More bytes in new and changed files are an error (`file-too-large`). Default 256 MiB. */
  maxBytes: sizeSchema.default(256 * 1024 ** 2),
};
const applyFields = {
  /** Flagged files to write all the same: patterns in .gitignore syntax, `!` takes some back. */
  allow: patterns,
  /** Kinds of flagged files to write all the same. */
  allowRules: z.array(z.enum(FLAG_RULES)).default([]),
  /** `throw` (default): nothing is written when something is refused. `report`: that is left out and listed. */
  onRefused: z.enum(['throw', 'report']).default('throw'),
  /** `throw` (default): nothing is written when a flagged file is not allowed. `report`: that is left out and listed. */
  onFlagged: z.enum(['throw', 'report']).default('throw'),
  /** How long to wait for another commit to the same target. Default 10 s. */
  lockTimeoutMs,
};

export const prepareSchema = z.strictObject({ ...prepareFields, signal });
export const applySchema = z.strictObject({ ...applyFields, signal });
export const recoverSchema = z.strictObject({ lockTimeoutMs, signal });
/** `sandbox.commit()`: both in one. */
export const commitSchema = z.strictObject({
  ...prepareFields,
  // The seed's own choice, unless said otherwise.
  gitignore: z.boolean().optional(),
  ...applyFields,
  signal,
});
export const unifiedDiffSchema = z.strictObject({
  /** Unchanged lines around a change. Default 3. */
  context: z.number().int().min(0).max(1000).default(3),
  /** A file with more is shown as one line. Default 1 MiB. */
  maxFileBytes: sizeSchema.default(1024 ** 2),
  /** The text ends with a note when it gets longer. Default 16 MiB. */
  maxBytes: sizeSchema.default(16 * 1024 ** 2),
  signal,
});

export type PrepareCommitOptions = z.input<typeof prepareSchema>;
export type ApplyCommitOptions = z.input<typeof applySchema>;
export type RecoverOptions = z.input<typeof recoverSchema>;
export type CommitOptions = z.input<typeof commitSchema>;
export type UnifiedDiffOptions = z.input<typeof unifiedDiffSchema>;
