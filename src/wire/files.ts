/** Files and trees: the queries, and the entries of lists and comparisons. */
import { z } from 'zod';
import { renameSchema } from '../files/options.js';
import type { FileInfo } from '../files/sandbox-files.js';
import type { Change } from '../workspace/diff.js';
import { flag } from './fields.js';
import { schemaFor } from './schema-for.js';

/** Absolute, or relative to the workspace. */
const path = z.string().min(1).max(4095);
const pathQuery = z.strictObject({ path });
export const readQuery = pathQuery.extend({
  offset: z.coerce.number().int().min(0).default(0),
  /** A larger rest is an error before a byte is sent. Default: no limit. */
  maxBytes: z.coerce.number().int().min(0).optional(),
});
export const writeQuery = pathQuery.extend({
  /** Octal, e.g. `644`. */
  mode: z
    .string()
    .regex(/^[0-7]{3}$/)
    .transform((text) => Number.parseInt(text, 8))
    .optional(),
  append: flag.default(false),
  exclusive: flag.default(false),
  /** Put a new file in the place of the old one by a rename. Without it the content of the file is replaced. */
  atomic: flag.default(false),
  parents: flag.default(true),
});
export const removeQuery = pathQuery.extend({ recursive: flag.default(false), force: flag.default(false) });
export const listQuery = z.strictObject({
  path: path.default('.'),
  /** Levels; `all` for all of them. */
  depth: z
    .union([z.literal('all').transform(() => Number.POSITIVE_INFINITY), z.coerce.number().int().min(1)])
    .default(1),
  maxEntries: z.coerce.number().int().min(1).max(100_000).default(100_000),
});
export const statQuery = pathQuery.extend({ follow: flag.default(true) });
export const makeDirBody = z.strictObject({
  path,
  mode: z.number().int().min(0).max(0o777).default(0o755),
  parents: z.boolean().default(true),
});
export const renameBody = z.strictObject({
  from: path,
  to: path,
  ...renameSchema.pick({ overwrite: true, parents: true }).shape,
});
export const treeQuery = z.strictObject({
  path: path.default('.'),
  maxEntries: z.coerce.number().int().min(1).optional(),
  maxBytes: z.coerce.number().int().min(0).optional(),
});

export const putTreeQuery = treeQuery.extend({
  /** Keep links that lead out of the directory as text; without it such a link is refused. */
  keepLinks: flag.default(false),
});

/** The limits of a comparison, as `files.diff` has them. */
export const diffQuery = treeQuery.omit({ path: true }).extend({ defaultIgnores: flag.default(true) });

const kind = z.enum(['file', 'directory', 'link', 'other']);
export const fileSchema = schemaFor<FileInfo>()(
  z.object({
    path: z.string(),
    kind,
    mode: z.number(),
    size: z.number(),
    mtimeMs: z.number(),
    uid: z.number(),
    gid: z.number(),
    linkTarget: z.string().optional(),
    sha256: z.string().optional(),
  }),
);
const entrySchema = z.object({
  kind,
  mode: z.number(),
  size: z.number(),
  mtimeMs: z.number(),
  sha256: z.string().optional(),
  linkTarget: z.string().optional(),
});
export const changeSchema = schemaFor<Change>()(
  z.object({
    path: z.string(),
    change: z.enum(['added', 'modified', 'deleted', 'mode-changed', 'type-changed']),
    kind,
    before: entrySchema.optional(),
    after: entrySchema.optional(),
  }),
);
/** `ignored` has the topmost paths left out by default, at most 1,000 of `ignoredCount`. */
export const diffAnswerSchema = z.object({
  changes: z.array(changeSchema),
  ignored: z.array(z.string()),
  ignoredCount: z.number(),
});
