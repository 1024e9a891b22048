import type { Refused } from './refused.js';
import type { StagedSeed } from './stage.js';

/** Counts the entries of a seed or an upload that were copied into the sandbox. */
export interface SeedReport {
  files: number;
  directories: number;
  /** Links are kept as text, even if they lead nowhere or out of the tree. */
  links: number;
  /** Total size of the files, in bytes. */
  bytes: number;
  /**
   * Entries that cannot be kept: sockets, FIFOs, devices, names and link texts that are not UTF-8. At most 1,000 of
   * `refusedCount`.
   */
  refused: readonly Refused[];
  refusedCount: number;
}

export function seedReport({ manifest, refused, refusedCount }: Omit<StagedSeed, 'bytes'>): SeedReport {
  const counts = { file: 0, directory: 0, link: 0, other: 0 };
  let bytes = 0;
  for (const { kind, size } of manifest.values()) {
    counts[kind] += 1;
    bytes += size;
  }
  const { file: files, directory: directories, link: links } = counts;
  return { files, directories, links, bytes, refused, refusedCount };
}
