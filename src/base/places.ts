/** The directories of a sandbox's files. Each is a file system in memory of its own; the workspace is one in `copy` mode. */
export const WORKSPACE = '/workspace';
export const HOME = '/home/sandbox';
export const TMP = '/tmp';
