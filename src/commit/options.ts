/** The options of commits, one schema each. */
import { z } from 'zod';
import { signalSchema, sizeSchema } from '../base/option-fields.js';
import type { FlagRule } from './review/flags.js';
import { FLAG_RULES } from './review/obeyed-files.js';

/** Options of `prepareCommit()` and `sandbox.prepareCommit()`. */
export interface PrepareCommitOptions {
  /**
   * Patterns in .gitignore syntax of changes to leave out of the commit.
   * @default []
   */
  ignore?: string[] | undefined;
  /**
   * Omission of new files that the seed's own .gitignore files name, as the seed left such files out.
   * @default true
   */
  gitignore?: boolean | undefined;
  /**
   * Omission of new caches, dependency trees and files of the system: `DEFAULT_IGNORES`.
   * @default true
   */
  defaultIgnores?: boolean | undefined;
  /**
   * Maximum number of changed paths. More are an error (`too-many-entries`).
   * @default 10_000
   */
  maxEntries?: number | undefined;
  /**
   * Maximum size of new and changed files together. More is an error (`file-too-large`).
   * @default '256m'
   */
  maxBytes?: string | number | undefined;
  /** Signal that aborts the call. Nothing is written to the target by then. */
  signal?: AbortSignal | undefined;
}

/** Options of `applyCommit()`. */
export interface ApplyCommitOptions {
  /**
   * Flagged files to write: patterns in .gitignore syntax; `!` takes some back.
   * @default []
   */
  allow?: string[] | undefined;
  /**
   * Kinds of flagged files to write.
   * @default []
   */
  allowRules?: FlagRule[] | undefined;
  /**
   * Treatment of changes that are refused: `throw` writes nothing, `report` leaves them out and lists them.
   * @default 'throw'
   */
  onRefused?: 'throw' | 'report' | undefined;
  /**
   * Treatment of flagged files that are not allowed: `throw` writes nothing, `report` leaves them out and lists them.
   * @default 'throw'
   */
  onFlagged?: 'throw' | 'report' | undefined;
  /**
   * Time in milliseconds to wait for another commit to the same target; at most an hour.
   * @default 10_000 (10 s)
   */
  lockTimeoutMs?: number | undefined;
  /** Signal that aborts the call before the first write. After that the commit completes. */
  signal?: AbortSignal | undefined;
}

/** Options of `sandbox.commit()`: those of `prepareCommit()` and of `applyCommit()`. */
export interface CommitOptions extends Omit<PrepareCommitOptions, 'gitignore'>, ApplyCommitOptions {
  /** Omission of new files that the seed's own .gitignore files name. If unset, the `gitignore` of the seed decides. */
  gitignore?: boolean | undefined;
}

/** Options of `recoverCommit()`. */
export interface RecoverOptions {
  /**
   * Time in milliseconds to wait for another commit to the same target; at most an hour.
   * @default 10_000 (10 s)
   */
  lockTimeoutMs?: number | undefined;
  /** Signal that aborts the call before the first write. */
  signal?: AbortSignal | undefined;
}

/** Options of `plan.unifiedDiff()`. */
export interface UnifiedDiffOptions {
  /**
   * Number of unchanged lines around a change.
   * @default 3
   */
  context?: number | undefined;
  /**
   * Maximum size of a file that is compared line by line. A larger one is shown as one line.
   * @default '1m'
   */
  maxFileBytes?: string | number | undefined;
  /**
   * Maximum size of the text. A longer one ends with a note.
   * @default '16m'
   */
  maxBytes?: string | number | undefined;
  /** Signal that aborts the call. */
  signal?: AbortSignal | undefined;
}

const signal = signalSchema.optional();
const patterns = z.array(z.string().min(1)).default([]);
const lockTimeoutMs = z.number().int().min(0).max(3_600_000).default(10_000);

const prepareFields = {
  ignore: patterns,
  gitignore: z.boolean().default(true),
  defaultIgnores: z.boolean().default(true),
  maxEntries: z.number().int().min(1).default(10_000),
  maxBytes: sizeSchema.default(256 * 1024 ** 2),
};
const applyFields = {
  allow: patterns,
  allowRules: z.array(z.enum(FLAG_RULES)).default([]),
  onRefused: z.enum(['throw', 'report']).default('throw'),
  onFlagged: z.enum(['throw', 'report']).default('throw'),
  lockTimeoutMs,
};

export const prepareSchema = z.strictObject({ ...prepareFields, signal });
export const applySchema = z.strictObject({ ...applyFields, signal });
export const recoverSchema = z.strictObject({ lockTimeoutMs, signal });
export const commitSchema = z.strictObject({
  ...prepareFields,
  // If unset, the seed's own choice.
  gitignore: z.boolean().optional(),
  ...applyFields,
  signal,
});
export const unifiedDiffSchema = z.strictObject({
  context: z.number().int().min(0).max(1000).default(3),
  maxFileBytes: sizeSchema.default(1024 ** 2),
  maxBytes: sizeSchema.default(16 * 1024 ** 2),
  signal,
});
