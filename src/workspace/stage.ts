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
  /** The host directory to start from. It is only read. */
  from: string;
  /**
   * Leave out what .gitignore files name, nested ones included, and every `.git`: a history is large, and its hooks
   * and remotes are none of a sandbox's business. Default true; false copies all of it. .gitignore files above `from`
   * and the user's global one are not looked at.
   */
  gitignore?: boolean;
  /**
   * Decides about sockets, fifos, devices, and names and link texts that are not UTF-8. Default `report`: they are left out
   * and listed. Links are kept as text, wherever they lead: in the sandbox they reach nothing of the host.
   */
  onRefused?: OnRefused;
}

export interface StagedSeed {
  /** What was copied, with hashes of the copies. */
  manifest: Manifest;
  /** What was left out although no pattern said so. */
  refused: Refused[];
  /** `refused` lists at most 1,000. */
  refusedCount: number;
  bytes: number;
}

/**
 * Snapshots a host directory into the empty directory `into`. Copies are clones where the file system can; permission
 * bits and times are kept, setuid and setgid are not. Directories stay accessible to their owner, so that the snapshot
 * can be removed again; the manifest has their true mode.
 *
 * The seed must not be changed meanwhile by somebody who is not trusted: a name swapped for a link between two system
 * calls would be followed.
 *
 * @throws `seed-invalid` when `from` is no directory, FileError when something cannot be read or written, the limits'
 * errors before anything is copied, the signal's reason when aborted. What was copied by then stays in `into`.
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
  // Inner ones first: writing into a directory changes its time.
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
 * The seed with links in its own path resolved: the caller named it, so those are followed.
 * @throws RipcordError `seed-invalid` when it is not a directory
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
