/**
 * Promisified system calls of a commit. base/fd.ts explains why not `fs/promises`. `lstat` and `fstat` here return
 * bigints, unlike those of fd.ts.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

export const rename = promisify(fs.rename);
export const link = promisify(fs.link);
export const symlink = promisify(fs.symlink);
export const readlink = promisify(fs.readlink);
export const mkdir = promisify(fs.mkdir);
export const rmdir = promisify(fs.rmdir);
export const unlink = promisify(fs.unlink);
export const readdir = promisify(fs.readdir);
export const fsync = promisify(fs.fsync);
export const fchmod = promisify(fs.fchmod);
export const fchown = promisify(fs.fchown);
export const lchown = promisify(fs.lchown);
const lstatCallback = promisify(fs.lstat);
const fstatCallback = promisify(fs.fstat);

/** Returns times in nanoseconds, because two writes within one millisecond must be distinguishable. */
export const lstat = (path: string): Promise<fs.BigIntStats> => lstatCallback(path, { bigint: true });
export const fstat = (fd: number): Promise<fs.BigIntStats> => fstatCallback(fd, { bigint: true });

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
export const OPEN_DIRECTORY = O_RDONLY | (O_DIRECTORY ?? 0) | (O_NOFOLLOW ?? 0);
