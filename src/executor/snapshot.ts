/** A branch's files as they were at one moment, on the host: what is verified, merged and committed is this. */
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../sandbox.js';
import { type Change, diffManifests } from '../workspace/diff.js';
import type { IgnoreOptions } from '../workspace/ignore-rules.js';
import { type Manifest, type ManifestEntry, manifestOf } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';

export interface Snapshot {
  directory: string;
  manifest: Manifest;
  /** Against what the sandbox began with. */
  changes: Change[];
  /** What could not leave the sandbox. */
  refused: Refused[];
}

/**
 * Copies the workspace of `sandbox` into the empty host directory `directory`.
 *
 * Contents are those of the copy: a process of the sandbox that changes files meanwhile changes nothing afterwards.
 * Left out is what the patterns and .gitignore files name, unless it was there in the beginning: a .gitignore a branch
 * writes cannot make a file of the project vanish.
 */
export async function takeSnapshot(
  sandbox: Sandbox,
  directory: string,
  base: Manifest,
  ignore: IgnoreOptions,
  signal: AbortSignal,
): Promise<Snapshot> {
  const modes = new Map((await sandbox.files.diff({ signal })).map(({ path, after }) => [path, after]));
  const { refused } = await sandbox.files.download('.', directory, { signal });
  const { manifest } = await manifestOf(directory, { signal });
  await leaveOut(directory, manifest, base, ignore, signal);
  for (const [path, entry] of manifest) await restoreMode(directory, path, entry, base.get(path), modes.get(path));
  return { directory, manifest, changes: diffManifests(base, manifest), refused };
}

/** Removes from directory and manifest what is ignored and was not there before. */
async function leaveOut(
  directory: string,
  manifest: Manifest,
  base: Manifest,
  ignore: IgnoreOptions,
  signal: AbortSignal,
): Promise<void> {
  const { manifest: kept } = await manifestOf(directory, { ...ignore, hash: false, signal });
  const leaves = [...manifest.keys()].filter((path) => !kept.has(path) && !base.has(path));
  const gone = new Set(leaves.filter((path) => !hasBelow(path, base)));
  for (const path of [...gone].reverse()) {
    await rm(join(directory, path), { recursive: true, force: true });
    manifest.delete(path);
  }
}

function hasBelow(directory: string, manifest: Manifest): boolean {
  for (const path of manifest.keys()) if (path.startsWith(`${directory}/`)) return true;
  return false;
}

/** Transfers narrow modes (no group write, the umask); the sandbox's own word and the base's are exact. */
async function restoreMode(
  directory: string,
  path: string,
  entry: ManifestEntry,
  before: ManifestEntry | undefined,
  after: ManifestEntry | undefined,
): Promise<void> {
  const true_ = after ?? before;
  if (!true_ || true_.kind !== entry.kind || entry.kind === 'link') return;
  entry.mode = true_.mode & 0o777;
  // Ours to read and to remove whatever its mode is: the manifest has the true one.
  const own = entry.kind === 'directory' ? 0o700 : 0o600;
  await chmod(join(directory, path), entry.mode | own);
}
