import type { FileErrorCode } from './errors.js';
import { FileError, messageOf, RipcordError } from './errors.js';
import { printable } from './harmless-text.js';

const CODES: Record<string, FileErrorCode> = {
  ENOENT: 'file-not-found',
  EEXIST: 'file-exists',
  EISDIR: 'is-a-directory',
  ENOTDIR: 'not-a-directory',
  ELOOP: 'not-a-regular-file',
  ENOTEMPTY: 'directory-not-empty',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
  EFBIG: 'file-too-large',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  ENAMETOOLONG: 'name-too-long',
};

/**
 * Returns `error` as a FileError that names the operation and the path. Errors without an errno are returned unchanged.
 */
export function hostFileError(error: unknown, doing: string, path: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof RipcordError || errno === undefined) return error;
  return new FileError(CODES[errno] ?? 'file-error', `Cannot ${doing} ${printable(path)}: ${messageOf(error)}`, {
    path,
    errno,
    cause: error,
  });
}

/** Returns the errno (`ENOENT`, `EEXIST` …), or undefined if the error did not come from the kernel. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // Node's own checks use other names, such as ERR_FS_EISDIR of `rm`.
  return /^(?:ERR_FS_)?(E[A-Z0-9]+)$/.exec(error.code)?.[1];
}
