/** A branch's files as they were at one moment, on the host: what is verified, merged and committed is this. */
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../sandbox.js';
import { defaultIgnores } from '../workspace/default-ignores.js';
import { type Change, diffManifests } from '../workspace/diff.js';
import type { IgnoreOptions } from '../workspace/ignore-rules.js';
import { leaveOutBy } from '../workspace/left-out.js';
import { type Manifest, type ManifestEntry, manifestOf } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';

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

export interface SnapshotRules extends IgnoreOptions {
  defaultIgnores: boolean;
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
  ignore: SnapshotRules,
  signal: AbortSignal,
): Promise<Snapshot> {
  const all = await sandbox.files.diff({ signal, defaultIgnores: false });
  const modes = new Map(all.map(({ path, after }) => [path, after]));
  const { refused } = await sandbox.files.download('.', directory, { signal });
  const { manifest } = await manifestOf(directory, { signal });
  const ignored = await leaveOut(directory, manifest, base, ignore, signal);
  for (const [path, entry] of manifest) await restoreMode(directory, path, entry, base.get(path), modes.get(path));
  return { directory, manifest, changes: diffManifests(base, manifest), refused, ignored };
}

/** Removes from directory and manifest the new entries that a rule leaves out. @returns their topmost paths */
async function leaveOut(
  directory: string,
  manifest: Manifest,
  base: Manifest,
  { defaultIgnores: byDefault, ...ignore }: SnapshotRules,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { manifest: kept } = await manifestOf(directory, { ...ignore, hash: false, signal });
  const entries = [...manifest].map(([path, entry]) => ({ path, kind: entry.kind, after: entry }));
  const isNamed = byDefault ? defaultIgnores(entries) : () => false;
  // A base that lacks a directory has nothing below it either.
  const isGone = (path: string) => !base.has(path) && (!kept.has(path) || isNamed(path));
  const { changes: remaining, ignored } = leaveOutBy(entries, isGone);
  const left = new Set(remaining.map(({ path }) => path));
  for (const { path } of entries.reverse()) {
    if (left.has(path)) continue;
    await rm(join(directory, path), { recursive: true, force: true });
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
