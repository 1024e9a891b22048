import type { Refused } from './refused.js';
import type { StagedSeed } from './stage.js';

/** A seed as it came into the sandbox. */
export interface SeedReport {
  files: number;
  directories: number;
  /** All are kept as text, also those that lead nowhere or out of the seed. */
  links: number;
  /** Total size of the files. */
  bytes: number;
  /** Entries that cannot be kept: sockets, fifos, devices, names and link texts that are not UTF-8. At most 1,000 of `refusedCount`. */
  refused: readonly Refused[];
  refusedCount: number;
}

export function seedReport({ manifest, refused, refusedCount, bytes }: StagedSeed): SeedReport {
  const counts = { file: 0, directory: 0, link: 0, other: 0 };
  for (const { kind } of manifest.values()) counts[kind] += 1;
  const { file: files, directory: directories, link: links } = counts;
  return { files, directories, links, bytes, refused, refusedCount };
}
