/** Options of `sandbox.files`. */
import { z } from 'zod';
import { signalSchema, sizeSchema, userSchema } from '../base/option-fields.js';

const fileFields = { signal: signalSchema.optional(), user: userSchema.optional() };
const permissions = z.number().int().min(0).max(0o777);
export const readSchema = z.strictObject({
  ...fileFields,
  /** Where to begin. Default 0. */
  offset: z.number().int().min(0).default(0),
  /** A larger rest is an error (`file-too-large`) before a byte is read. Default 64 MiB. */
  maxBytes: sizeSchema.default(64 * 1024 ** 2),
});

export const readStreamSchema = readSchema.extend({
  /** As in {@link readSchema}, but without a default. */
  maxBytes: sizeSchema.optional(),
});

export const writeSchema = z
  .strictObject({
    ...fileFields,
    /** Permissions. Default: those of the file that is there, else 0o644. */
    mode: permissions.optional(),
    /** Make missing parent directories. Default true. */
    parents: z.boolean().default(true),
    /** Add to the end. Default false. */
    append: z.boolean().default(false),
    /** Fail with `file-exists` where something is there. Default false. */
    exclusive: z.boolean().default(false),
    /**
     * Put a new file in the place of the old one by a rename: a reader sees the old content or the new, never a part. The
     * file gets a new inode, so that watchers of the old one (`tail -f`, `node --watch`) see nothing more, and other hard
     * links keep the old content. Default false: the content of the file is replaced.
     */
    atomic: z.boolean().default(false),
  })
  .refine(({ append, atomic }) => !(append && atomic), {
    error: 'append and atomic exclude each other',
    path: ['atomic'],
  });

export const listSchema = z.strictObject({
  ...fileFields,
  /** Levels below the directory. Default 1; `Infinity` for all. */
  depth: z.union([z.number().int().min(1), z.literal(Number.POSITIVE_INFINITY)]).default(1),
  /** More is an error (`too-many-entries`). Default 100,000. */
  maxEntries: z.number().int().min(1).default(100_000),
});

export const statSchema = z.strictObject({
  ...fileFields,
  /** Follow a symbolic link. Default true. */
  follow: z.boolean().default(true),
});

export const makeDirSchema = z.strictObject({
  ...fileFields,
  mode: permissions.default(0o755),
  /** Make missing parents, and accept one that exists. Default true. */
  parents: z.boolean().default(true),
});

export const removeSchema = z.strictObject({
  ...fileFields,
  recursive: z.boolean().default(false),
  /** Nothing there is fine. Default false. */
  force: z.boolean().default(false),
});

export const renameSchema = z.strictObject({
  ...fileFields,
  /** Replace a file, or an empty directory, that is there. Default false. */
  overwrite: z.boolean().default(false),
  /** Make missing directories above the new name. Default true. */
  parents: z.boolean().default(true),
});

const treeLimits = {
  /** Default 1 GiB. */
  maxBytes: sizeSchema.default(1024 ** 3),
  /** Default 100,000. */
  maxEntries: z.number().int().min(1).default(100_000),
};

export const uploadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  /** Patterns in .gitignore syntax of what to leave out. */
  ignore: z.array(z.string()).default([]),
  /** Honour .gitignore files in the tree. Default false. */
  gitignore: z.boolean().default(false),
});

export const downloadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  /** What the target may not take (links that lead out, devices, name collisions): left out and listed, or an error. */
  onRefused: z.enum(['report', 'throw']).default('report'),
});

export const archiveSchema = z.strictObject({ ...fileFields, ...treeLimits });

export const writeArchiveSchema = archiveSchema.extend({
  /** Keep links that lead out of the directory as text. Default false: such a link ends the call with `outside-workspace`. */
  keepLinks: z.boolean().default(false),
});

export const diffSchema = archiveSchema.extend({
  /** Leave out new caches, dependency trees and files of the system: `DEFAULT_IGNORES`. Default true. */
  defaultIgnores: z.boolean().default(true),
});

export type ReadOptions = z.input<typeof readSchema>;
export type ReadStreamOptions = z.input<typeof readStreamSchema>;
export type WriteOptions = z.input<typeof writeSchema>;
export type ListOptions = z.input<typeof listSchema>;
export type StatOptions = z.input<typeof statSchema>;
export type MakeDirOptions = z.input<typeof makeDirSchema>;
export type RemoveOptions = z.input<typeof removeSchema>;
export type RenameOptions = z.input<typeof renameSchema>;
export type UploadOptions = z.input<typeof uploadSchema>;
export type DownloadOptions = z.input<typeof downloadSchema>;
export type DiffOptions = z.input<typeof diffSchema>;
export type ArchiveOptions = z.input<typeof archiveSchema>;
export type WriteArchiveOptions = z.input<typeof writeArchiveSchema>;
