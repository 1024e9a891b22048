import fs from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { forEachLimited } from '../base/concurrency.js';
import { RipcordError } from '../base/errors.js';
import { copyFile, utimes } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import type { IgnoreOptions } from './ignore-rules.js';
import type { TransferLimits } from './limits.js';
import type { Manifest, ManifestEntry } from './manifest.js';
import { hashFiles } from './read-manifest.js';
import type { OnRefused, Refused } from './refused.js';
import { survey } from './survey.js';

export interface Seed extends IgnoreOptions, TransferLimits {
  /** Host directory to copy. It is only read. */
  from: string;
  /**
   * Leave out files that match .gitignore files, nested ones included, and every `.git`: a history is large, and a
   * sandbox must not see its hooks and remotes. Default true. With false everything is copied. .gitignore files above
   * `from` and the user's global one are not read.
   */
  gitignore?: boolean;
  /**
   * Handling of sockets, FIFOs, devices, and names and link texts that are not UTF-8. Default `report`: they are left
   * out and listed. Links are kept as text, whatever their target: inside the sandbox they cannot reach the host.
   */
  onRefused?: OnRefused;
}

export interface StagedSeed {
  /** Copied entries, with hashes of the copies. */
  manifest: Manifest;
  /** Entries that were left out although no pattern matches them. */
  refused: Refused[];
  /** Number of refused entries. `refused` lists at most 1,000. */
  refusedCount: number;
  bytes: number;
}

/**
 * Copies a host directory into the empty directory `into`. Files are cloned where the file system supports it
 * (reflinks). Permission bits and times are kept; setuid and setgid are not. Directories stay accessible to their
 * owner, so that the copy can be removed again; the manifest has their true mode.
 *
 * An untrusted program must not change the seed meanwhile: if a name is replaced by a link between two system calls,
 * the link is followed.
 *
 * @throws RipcordError `seed-invalid` if `from` is not a directory; FileError if a file cannot be read or written; the
 * errors of the limits, before anything is copied; the signal's reason if aborted. Files copied by then stay in `into`.
 */
export async function stageSeed(seed: Seed, into: string, options: { signal?: AbortSignal } = {}): Promise<StagedSeed> {
  const { signal } = options;
  signal?.throwIfAborted();
  const from = seedDirectory(seed.from);
  const { manifest, refused } = await survey(from, {
    ...seed,
    gitignore: seed.gitignore ?? true,
    portableOnly: true,
    keepLinks: true,
    signal,
  });

  const directories = [...manifest].filter(([, entry]) => entry.kind === 'directory');
  for (const [relative] of directories) {
    signal?.throwIfAborted();
    await mkdir(path.join(into, relative), { mode: 0o700 });
  }
  await forEachLimited(manifest, signal, async ([relative, entry]) => {
    try {
      await copyEntry(path.join(from, relative), path.join(into, relative), entry);
    } catch (error) {
      throw hostFileError(error, 'copy', relative);
    }
  });
  // Inner directories first: writing into a directory changes its time.
  for (const [relative, entry] of directories.reverse()) {
    await chmod(path.join(into, relative), entry.mode | 0o700);
    await utimes(path.join(into, relative), new Date(entry.mtimeMs), new Date(entry.mtimeMs));
  }
  await hashFiles(into, manifest, signal);

  let bytes = 0;
  for (const entry of manifest.values()) bytes += entry.size;
  return { manifest, refused: refused.listed, refusedCount: refused.total, bytes };
}

/**
 * Returns the real path of the seed. The caller chose the path, so links in it are followed.
 * @throws RipcordError `seed-invalid` if it is not a directory
 */
export function seedDirectory(from: string): string {
  try {
    const real = fs.realpathSync(from);
    if (fs.statSync(real).isDirectory()) return real;
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'it does not exist' : `it cannot be opened (${errnoOf(error)})`;
    throw new RipcordError('seed-invalid', `Cannot use ${printable(from)} as a seed: ${why}`, {
      cause: error,
      details: { from },
    });
  }
  throw new RipcordError('seed-invalid', `Cannot use ${printable(from)} as a seed: it is not a directory`, {
    details: { from },
  });
}

async function copyEntry(from: string, to: string, entry: ManifestEntry): Promise<void> {
  const special = (entry.mode & 0o7000) !== 0;
  entry.mode &= 0o777;
  if (entry.kind === 'link') return symlink(entry.linkTarget ?? '', to);
  if (entry.kind !== 'file') return;
  await copyFile(from, to, fs.constants.COPYFILE_FICLONE | fs.constants.COPYFILE_EXCL);
  if (special) await chmod(to, entry.mode);
  await utimes(to, new Date(entry.mtimeMs), new Date(entry.mtimeMs));
}
