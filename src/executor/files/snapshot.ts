/** A branch's files as they were at one moment, on the host: what is verified, merged and committed is this. */
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
  /** Against what the sandbox began with. */
  changes: Change[];
  /** What could not leave the sandbox. */
  refused: Refused[];
  /** The topmost paths that rules left out; at most 1,000. */
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
 * Contents are those of the copy: a process of the sandbox that changes files meanwhile changes nothing afterwards.
 * New files that the patterns or the seed's .gitignore files name are left out. A .gitignore that a branch writes has no
 * say: it could make files of the project vanish, or hold up the host with its patterns.
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

/** Removes from directory and manifest the new entries that a rule leaves out. @returns their topmost paths */
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
  // As in a seed, a repository of the branch's own does not belong to its work.
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
