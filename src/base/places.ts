/** Directories of a sandbox. Each is its own file system in memory; the workspace is one in `copy` mode. */
export const WORKSPACE = '/workspace';
export const HOME = '/home/sandbox';
export const TMP = '/tmp';
