/**
 * Computes how much of a sandbox's memory its files may use, so that a full file system gives ENOSPC instead of an
 * out-of-memory kill.
 */
/** Sizes in `limits`, in bytes and inodes. */
interface SizeLimits {
  memory: number;
  workspace?: number | undefined;
  home?: number | undefined;
  tmp?: number | undefined;
  files?: number | undefined;
  homeFiles?: number | undefined;
  tmpFiles?: number | undefined;
}

type TmpfsSizes = Record<'workspace' | 'home' | 'tmp', { bytes: number; inodes: number }>;

/**
 * Shares of the memory limit in percent; pages of a tmpfs count towards that limit. They add up to 60: the rest is for
 * processes. npm writes up to 2.5 times the size of the installed archives into HOME, pip builds packages in TMPDIR.
 */
const SHARES = { workspace: 30, home: 16, tmp: 14 } as const;
const PLACES = ['workspace', 'home', 'tmp'] as const;
const BUDGET = 0.6;

/** Minimum size of a tmpfs: one page. A tmpfs of size 0 has no limit (`tmpfs(5)`). */
export const MIN_TMPFS_BYTES = 4096;

// Memory per inode. An inode with the longest name takes 1.5 KiB of kernel memory (kernel 6.18), which counts towards
// the limit. With one inode per 8 KiB of memory in the workspace, three file systems full of bytes and names take 92 %
// of the memory.
const BYTES_AN_INODE = { workspace: 8 * 1024, home: 32 * 1024, tmp: 32 * 1024 } as const;
const MOST_INODES = { workspace: 100_000, home: 25_000, tmp: 25_000 } as const;
const MIN_INODES = 16;

/**
 * Returns the sizes for a sandbox with these limits. A place without a limit gets its share of the memory, or of the
 * memory that the other places leave.
 */
export function tmpfsSizes(limits: SizeLimits): TmpfsSizes {
  const open = PLACES.filter((place) => limits[place] === undefined);
  const weights = open.reduce((sum, place) => sum + SHARES[place], 0);
  const rest = budget(limits) - given(limits);
  const bytes = (place: (typeof PLACES)[number]) =>
    limits[place] ??
    Math.floor(Math.min((limits.memory * SHARES[place]) / 100, (Math.max(rest, 0) * SHARES[place]) / weights));
  const inodes = (place: (typeof PLACES)[number]) =>
    Math.max(MIN_INODES, Math.min(MOST_INODES[place], Math.floor(limits.memory / BYTES_AN_INODE[place])));
  return {
    workspace: { bytes: bytes('workspace'), inodes: limits.files ?? inodes('workspace') },
    home: { bytes: bytes('home'), inodes: limits.homeFiles ?? inodes('home') },
    tmp: { bytes: bytes('tmp'), inodes: limits.tmpFiles ?? inodes('tmp') },
  };
}

/** Returns the size of each volume that an image declares. All volumes together get an eighth of the memory. */
export function volumeSize({ memory }: SizeLimits, count: number): { bytes: number; inodes: number } {
  return {
    bytes: Math.max(MIN_TMPFS_BYTES, Math.floor(memory / 8 / count)),
    inodes: Math.max(MIN_INODES, Math.min(MOST_INODES.tmp, Math.floor(memory / BYTES_AN_INODE.tmp / count))),
  };
}

/** Returns why the sizes contradict each other; `undefined` if they do not. */
export function sizesProblem(limits: SizeLimits): string | undefined {
  const most = budget(limits);
  if (given(limits) > most) {
    return `workspace, home and tmp may take 60 % of memory together (${most} bytes), and take ${given(limits)}`;
  }
  const sizes = tmpfsSizes(limits);
  const small = PLACES.find((place) => sizes[place].bytes < MIN_TMPFS_BYTES);
  if (small === undefined) return undefined;
  return `the others leave nothing for ${small}: workspace, home and tmp may take 60 % of memory together (${most} bytes)`;
}

const budget = ({ memory }: SizeLimits): number => Math.floor(memory * BUDGET);
const given = (limits: SizeLimits): number => PLACES.reduce((sum, place) => sum + (limits[place] ?? 0), 0);
