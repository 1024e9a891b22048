/** Options of `sandbox.files`. */
import { z } from 'zod';
import { signalSchema, sizeSchema, userSchema } from '../base/option-fields.js';

/** Options that all file operations have. */
export interface FileOptions {
  /** Signal that aborts the operation: its process is killed, and the call throws TaskAbortedError. */
  signal?: AbortSignal | undefined;
  /** User that accesses the files: a uid, a name or `user:group`. If unset, the sandbox's user. */
  user?: string | number | undefined;
}

/** Limits on a tree of files that is moved in one call. */
export interface TreeOptions extends FileOptions {
  /**
   * Maximum size of all files together. More is an error (`file-too-large`).
   * @default '1g'
   */
  maxBytes?: string | number | undefined;
  /**
   * Maximum number of entries. More are an error (`too-many-entries`).
   * @default 100_000
   */
  maxEntries?: number | undefined;
}

/** Options of `files.read()` and `files.readText()`. */
export interface ReadOptions extends FileOptions {
  /**
   * Offset of the first byte to read.
   * @default 0
   */
  offset?: number | undefined;
  /**
   * Maximum number of bytes from `offset` to the end of the file. More is an error (`file-too-large`) before a byte is read.
   * @default '64m'
   */
  maxBytes?: string | number | undefined;
}

/** Options of `files.readStream()`. */
export interface ReadStreamOptions extends FileOptions {
  /**
   * Offset of the first byte to read.
   * @default 0
   */
  offset?: number | undefined;
  /** Maximum number of bytes from `offset` to the end of the file. More is an error (`file-too-large`). If unset, no limit. */
  maxBytes?: string | number | undefined;
}

/** Options of `files.write()`. */
export interface WriteOptions extends FileOptions {
  /** Permissions of the file, e.g. `0o755`. If unset, those of the existing file, or else 0o644. */
  mode?: number | undefined;
  /**
   * Creation of missing parent directories.
   * @default true
   */
  parents?: boolean | undefined;
  /**
   * Addition of the content to the end of the file, instead of replacing it.
   * @default false
   */
  append?: boolean | undefined;
  /**
   * Refusal to replace: the call fails with `file-exists` if something has that name.
   * @default false
   */
  exclusive?: boolean | undefined;
  /**
   * Replacement of the file by a rename: a reader sees the old content or the new, never a part. The file gets a new inode, so
   * that watchers of the old one (`tail -f`, `node --watch`) see no further changes, and other hard links keep the old content.
   * `false` replaces the content of the existing file.
   * @default false
   */
  atomic?: boolean | undefined;
}

/** Options of `files.list()`. */
export interface ListOptions extends FileOptions {
  /**
   * Number of levels to list; `Infinity` lists all.
   * @default 1
   */
  depth?: number | undefined;
  /**
   * Maximum number of entries. More are an error (`too-many-entries`).
   * @default 100_000
   */
  maxEntries?: number | undefined;
}

/** Options of `files.stat()` and `files.exists()`. */
export interface StatOptions extends FileOptions {
  /**
   * Following of symbolic links: `false` describes the link itself.
   * @default true
   */
  follow?: boolean | undefined;
}

/** Options of `files.makeDir()`. */
export interface MakeDirOptions extends FileOptions {
  /**
   * Permissions of the directory.
   * @default 0o755
   */
  mode?: number | undefined;
  /**
   * Creation of missing parents, and acceptance of a directory that exists.
   * @default true
   */
  parents?: boolean | undefined;
}

/** Options of `files.remove()`. */
export interface RemoveOptions extends FileOptions {
  /**
   * Removal of a directory with all files below it.
   * @default false
   */
  recursive?: boolean | undefined;
  /**
   * Acceptance of a path that does not exist.
   * @default false
   */
  force?: boolean | undefined;
}

/** Options of `files.rename()`. */
export interface RenameOptions extends FileOptions {
  /**
   * Replacement of a file, or of an empty directory, that has the new name.
   * @default false
   */
  overwrite?: boolean | undefined;
  /**
   * Creation of missing directories above the new name.
   * @default true
   */
  parents?: boolean | undefined;
}

/** Options of `files.upload()`. */
export interface UploadOptions extends TreeOptions {
  /**
   * Patterns in .gitignore syntax of files to leave out.
   * @default []
   */
  ignore?: string[] | undefined;
  /**
   * Use of the .gitignore files in the tree.
   * @default false
   */
  gitignore?: boolean | undefined;
}

/** Options of `files.download()`. */
export interface DownloadOptions extends TreeOptions {
  /**
   * Treatment of entries that the target must not receive (links that lead out, devices, name collisions): `report` leaves them
   * out and lists them, `throw` is an error.
   * @default 'report'
   */
  onRefused?: 'report' | 'throw' | undefined;
}

/** Options of `files.readArchive()`. */
export interface ArchiveOptions extends TreeOptions {}

/** Options of `files.writeArchive()`. */
export interface WriteArchiveOptions extends TreeOptions {
  /**
   * Acceptance of links that lead out of the directory, kept as text. `false`: such a link ends the call with
   * `outside-workspace`.
   * @default false
   */
  keepLinks?: boolean | undefined;
}

/** Options of `files.diff()`. */
export interface DiffOptions extends TreeOptions {
  /**
   * Omission of new caches, dependency trees and files of the system: `DEFAULT_IGNORES`.
   * @default true
   */
  defaultIgnores?: boolean | undefined;
}

const fileFields = { signal: signalSchema.optional(), user: userSchema.optional() };
const permissions = z.number().int().min(0).max(0o777);

export const readSchema = z.strictObject({
  ...fileFields,
  offset: z.number().int().min(0).default(0),
  maxBytes: sizeSchema.default(64 * 1024 ** 2),
});

export const readStreamSchema = readSchema.extend({ maxBytes: sizeSchema.optional() });

export const writeSchema = z
  .strictObject({
    ...fileFields,
    mode: permissions.optional(),
    parents: z.boolean().default(true),
    append: z.boolean().default(false),
    exclusive: z.boolean().default(false),
    atomic: z.boolean().default(false),
  })
  .refine(({ append, atomic }) => !(append && atomic), {
    error: 'append and atomic exclude each other',
    path: ['atomic'],
  });

export const listSchema = z.strictObject({
  ...fileFields,
  depth: z.union([z.number().int().min(1), z.literal(Number.POSITIVE_INFINITY)]).default(1),
  maxEntries: z.number().int().min(1).default(100_000),
});

export const statSchema = z.strictObject({ ...fileFields, follow: z.boolean().default(true) });

export const makeDirSchema = z.strictObject({
  ...fileFields,
  mode: permissions.default(0o755),
  parents: z.boolean().default(true),
});

export const removeSchema = z.strictObject({
  ...fileFields,
  recursive: z.boolean().default(false),
  force: z.boolean().default(false),
});

export const renameSchema = z.strictObject({
  ...fileFields,
  overwrite: z.boolean().default(false),
  parents: z.boolean().default(true),
});

const treeLimits = {
  maxBytes: sizeSchema.default(1024 ** 3),
  maxEntries: z.number().int().min(1).default(100_000),
};

export const uploadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  ignore: z.array(z.string()).default([]),
  gitignore: z.boolean().default(false),
});

export const downloadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  onRefused: z.enum(['report', 'throw']).default('report'),
});

export const archiveSchema = z.strictObject({ ...fileFields, ...treeLimits });
export const writeArchiveSchema = archiveSchema.extend({ keepLinks: z.boolean().default(false) });
export const diffSchema = archiveSchema.extend({ defaultIgnores: z.boolean().default(true) });
