/** Copies of a branch's files on the host. Verifications, merges and commits use the snapshot, not the sandbox. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../../base/remove-tree.js';
import { leaveOut } from '../../commit/review/ignore.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { type Change, diffManifests } from '../../workspace/diff.js';
import type { IgnoreOptions } from '../../workspace/ignore-rules.js';
import type { Manifest, ManifestEntry } from '../../workspace/manifest.js';
import { manifestOf } from '../../workspace/read-manifest.js';
import type { Refused } from '../../workspace/refused.js';

export interface Snapshot {
  directory: string;
  manifest: Manifest;
  /** Changes since the start of the branch. */
  changes: Change[];
  /** Entries that could not leave the sandbox. */
  refused: Refused[];
  /** Topmost paths that the ignore rules left out, at most 1,000. */
  ignored: readonly string[];
}

export interface SnapshotRules extends Required<IgnoreOptions> {
  defaultIgnores: boolean;
}

/** The trees that a snapshot is compared with. */
interface SnapshotBase {
  /** The files that the branch began with. */
  current: { manifest: Manifest };
  /** The seed of the run: only its .gitignore files count. */
  origin: { manifest: Manifest; directory: string | undefined };
}

/**
 * Copies the workspace of `sandbox` into the empty host directory `directory`.
 *
 * The snapshot has the contents of the copy: a process in the sandbox cannot change it afterwards.
 * New files that match the patterns or the .gitignore files of the seed are left out. A .gitignore that a branch writes
 * is not applied, because it could hide files of the project, or block the host with slow patterns.
 */
export async function takeSnapshot(
  sandbox: Sandbox,
  directory: string,
  { current, origin }: SnapshotBase,
  rules: SnapshotRules,
  signal: AbortSignal,
): Promise<Snapshot> {
  const base = current.manifest;
  const all = await sandbox.files.diff({ signal, defaultIgnores: false });
  const modes = new Map(all.map(({ path, after }) => [path, after]));
  const { refused } = await sandbox.files.download('.', directory, { signal });
  const { manifest } = await manifestOf(directory, { signal });
  const ignored = await removeIgnored(directory, manifest, base, origin, rules);
  for (const [path, entry] of manifest) await restoreMode(directory, path, entry, base.get(path), modes.get(path));
  return { directory, manifest, changes: await diffManifests(base, manifest, signal), refused, ignored };
}

/** Removes the new entries that a rule leaves out from directory and manifest. Returns their topmost paths. */
async function removeIgnored(
  directory: string,
  manifest: Manifest,
  base: Manifest,
  origin: SnapshotBase['origin'],
  rules: SnapshotRules,
): Promise<readonly string[]> {
  const added = [...manifest]
    .filter(([path]) => !base.has(path))
    .map(([path, after]): Change => ({ path, change: 'added', kind: after.kind, after }));
  // As in a seed, a repository that the branch created does not belong to its work.
  const ignore = rules.gitignore ? [...rules.ignore, '.git'] : rules.ignore;
  const { changes: remaining, ignored } = await leaveOut(added, origin, { ...rules, ignore });
  const left = new Set(remaining.map(({ path }) => path));
  for (const { path } of added.reverse()) {
    if (left.has(path)) continue;
    await removeTree(join(directory, path));
    manifest.delete(path);
  }
  return ignored;
}

/** Restores the file mode that a download changed (umask): the mode that the sandbox reported, else that of the base. */
async function restoreMode(
  directory: string,
  path: string,
  entry: ManifestEntry,
  before: ManifestEntry | undefined,
  after: ManifestEntry | undefined,
): Promise<void> {
  const exact = after ?? before;
  if (!exact || exact.kind !== entry.kind || entry.kind === 'link') return;
  entry.mode = exact.mode & 0o777;
  // The host must be able to read and remove the copy, so its owner keeps access. The manifest has the exact mode.
  const own = entry.kind === 'directory' ? 0o700 : 0o600;
  await chmod(join(directory, path), entry.mode | own);
}
