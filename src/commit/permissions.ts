import type { ManifestEntry } from '../workspace/manifest.js';

/** What group and others may write is the host's own business and depends on its umask: never compared or carried. */
const CARRIED = 0o755;

type HasMode = Pick<ManifestEntry, 'kind' | 'mode'>;

/** Whether two entries of one kind have the same permissions, as far as a commit cares. Links have none. */
export function sameMode(a: HasMode, b: HasMode): boolean {
  return a.kind === 'link' || ((a.mode ^ b.mode) & CARRIED) === 0;
}

/** The permissions of something new, before the umask. The owner always keeps access. */
export function newMode(after: HasMode): number {
  return (after.mode & CARRIED) | (after.kind === 'directory' ? 0o700 : 0o600);
}

/** What is on the host now with the bits the sandbox changed; setgid of a directory stays, of a file nothing special. */
export function mergedMode(before: HasMode, after: HasMode, now: HasMode): number {
  const changed = (before.mode ^ after.mode) & CARRIED;
  const merged = (now.mode & ~changed) | (after.mode & changed);
  return after.kind === 'directory' ? (merged & 0o7777) | 0o700 : (merged & 0o777) | 0o400;
}

/** Whether running it becomes possible. */
export function becomesExecutable(before: HasMode | undefined, after: HasMode): boolean {
  if (after.kind !== 'file' || (after.mode & 0o111) === 0) return false;
  return before?.kind !== 'file' || (before.mode & 0o111) === 0;
}
