import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { close, openIfThere, readFully } from '../base/fd.js';
import { errnoOf } from '../base/host-error.js';
import type { EntryKind, ManifestEntry } from '../workspace/manifest.js';
import type { DirectoryHandle } from './anchored-tree.js';
import { fstat, lstat, readlink } from './fs.js';

/** Distinguishes states of a file without reading it. */
export interface Identity {
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
}

/** An entry on the host. */
export interface Found extends Identity {
  kind: EntryKind;
  mode: number;
  uid: number;
  gid: number;
  /** Hash of a file's content. Set only if the file was read. */
  sha256?: string;
  linkTarget?: string;
}

/** Returns the entry at `name`, or undefined. A file is hashed only if its size is one of `sizes`. */
export async function inspectEntry(
  handle: DirectoryHandle,
  name: string,
  sizes: readonly number[] = [],
): Promise<Found | undefined> {
  const stats = await lstatIfThere(handle.at(name));
  if (stats === undefined) return undefined;
  if (stats.isSymbolicLink()) {
    try {
      return { ...describe(stats), linkTarget: await readlink(handle.at(name), 'utf8') };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
      throw error;
    }
  }
  if (!stats.isFile() || !sizes.includes(Number(stats.size))) return describe(stats);
  return hashed(handle.at(name));
}

export async function lstatIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

type Content = Pick<ManifestEntry, 'kind' | 'sha256' | 'linkTarget'>;

/** Compares kind and content, not permissions. */
export function sameContent(a: Content | undefined, b: Content | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'file') return a.sha256 !== undefined && a.sha256 === b.sha256;
  return a.kind === 'link' ? a.linkTarget === b.linkTarget : a.kind === 'directory';
}

/** Reads identity and content through one descriptor, so that they belong together even if the name changes. */
async function hashed(path: string): Promise<Found | undefined> {
  const fd = await openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const found = describe(await fstat(fd));
    return { ...found, sha256: await hashOf(fd) };
  } finally {
    await close(fd);
  }
}

const CHUNK_BYTES = 128 * 1024;

async function hashOf(fd: number): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const count = await readFully(fd, buffer);
    hash.update(buffer.subarray(0, count));
    if (count < buffer.byteLength) return hash.digest('hex');
  }
}

export function describe(stats: BigIntStats): Found {
  return {
    kind: kindOf(stats),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    ino: stats.ino,
    size: stats.size,
    mtimeNs: stats.mtimeNs,
  };
}

function kindOf(stats: BigIntStats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
