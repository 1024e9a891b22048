import type { ManifestEntry } from '../workspace/manifest.js';

/**
 * Permission bits that a commit compares and transfers. Write bits of group and others depend on the host's umask, so
 * they are neither compared nor transferred.
 */
const CARRIED = 0o755;

type HasMode = Pick<ManifestEntry, 'kind' | 'mode'>;

/**
 * Returns true if two entries of one kind have the same permissions in the bits that a commit transfers. Links have no
 * permissions.
 */
export function sameMode(a: HasMode, b: HasMode): boolean {
  return a.kind === 'link' || ((a.mode ^ b.mode) & CARRIED) === 0;
}

/** Returns the permissions of a new entry, before the umask. The owner always keeps access. */
export function newMode(after: HasMode): number {
  return (after.mode & CARRIED) | (after.kind === 'directory' ? 0o700 : 0o600);
}

/**
 * Returns the host's current permissions with the bits that the sandbox changed. A directory keeps setgid and the
 * sticky bit; a file loses its special bits.
 */
export function mergedMode(before: HasMode, after: HasMode, now: HasMode): number {
  const changed = (before.mode ^ after.mode) & CARRIED;
  const merged = (now.mode & ~changed) | (after.mode & changed);
  return after.kind === 'directory' ? (merged & 0o7777) | 0o700 : (merged & 0o777) | 0o400;
}

/** Returns true if the change makes a file executable. */
export function becomesExecutable(before: HasMode | undefined, after: HasMode): boolean {
  if (after.kind !== 'file' || (after.mode & 0o111) === 0) return false;
  return before?.kind !== 'file' || (before.mode & 0o111) === 0;
}
