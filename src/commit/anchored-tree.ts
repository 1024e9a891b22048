/**
 * A directory tree of the host that stays safe to write to while other programs rearrange it. On Linux every directory
 * is opened once, component by component and without following links, and used through its descriptor
 * (`/proc/self/fd/N/name`). If a directory is replaced by a link in between, no write goes elsewhere. This replaces
 * `openat`, which Node does not have. On other systems every parent is checked right before each use.
 */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { FileError } from '../base/errors.js';
import { close, open } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf } from '../base/host-error.js';
import { nameOf, parentOf } from '../base/relative-paths.js';
import { fstat, fsync, lstat, OPEN_DIRECTORY, readdir } from './fs.js';

/** The reason why a directory cannot be written to. */
type UnusableReason = 'missing' | 'not a directory' | 'link' | 'other file system';

export class UnusableDirectory extends Error {
  constructor(
    readonly reason: UnusableReason,
    readonly directory: string,
  ) {
    super(`${directory}: ${reason}`);
  }
}

/** An open directory. */
export interface DirectoryHandle {
  /** Returns the path for `name` in this directory. */
  at(name: string): string;
  list(): Promise<string[]>;
  /** Flushes creations, renames and removals in this directory to disk. */
  sync(): Promise<void>;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

interface Held {
  opening: Promise<{ handle: DirectoryHandle; fd: number | undefined }>;
  users: number;
  /** True once it was removed from the table. Its last user closes it. */
  dropped: boolean;
}

/** Maximum number of idle descriptors that stay open. */
const MAX_IDLE = 128;
const HAS_FD_PATHS = process.platform === 'linux' && existsSync('/proc/self/fd');

export class AnchoredTree {
  private readonly held = new Map<string, Held>();

  private constructor(
    /** Real path of the root. */
    readonly root: string,
    private readonly dev: bigint,
  ) {}

  /** Opens an existing directory. Links in the path to it are the caller's own and are followed. */
  static async open(directory: string): Promise<AnchoredTree> {
    const root = await realpath(directory);
    const stats = await lstat(root);
    if (!stats.isDirectory()) {
      const where = { path: directory, errno: 'ENOTDIR' };
      throw new FileError('not-a-directory', `${printable(directory)} is not a directory`, where);
    }
    return new AnchoredTree(root, stats.dev);
  }

  /**
   * Calls `work` with `directory` held open. The path is relative; `''` is the root.
   * @throws UnusableDirectory if the directory or one above it is missing, a link, not a directory or on another file
   * system
   */
  async inside<T>(directory: string, work: (handle: DirectoryHandle) => Promise<T>): Promise<T> {
    const held = this.hold(directory);
    try {
      return await work((await held.opening).handle);
    } finally {
      held.users -= 1;
      if (held.dropped && held.users === 0) await closeHeld(held);
    }
  }

  /**
   * Drops the cached handle. Must be called after `directory` was moved or replaced, so that the next use opens it
   * again.
   */
  async forget(directory: string): Promise<void> {
    for (const known of [...this.held.keys()]) {
      if (known === directory || known.startsWith(`${directory}/`)) await this.drop(known);
    }
  }

  async close(): Promise<void> {
    for (const known of [...this.held.keys()]) await this.drop(known);
  }

  private hold(directory: string): Held {
    const known = this.held.get(directory);
    if (known !== undefined) {
      // Move it to the end of the map: idle handles at the beginning are dropped first.
      this.held.delete(directory);
      this.held.set(directory, known);
      known.users += 1;
      return known;
    }
    const held: Held = { opening: this.openDirectory(directory), users: 1, dropped: false };
    this.held.set(directory, held);
    held.opening.then(
      () => this.dropIdle(),
      () => this.held.get(directory) === held && this.held.delete(directory),
    );
    return held;
  }

  private async openDirectory(directory: string): Promise<{ handle: DirectoryHandle; fd: number | undefined }> {
    if (directory === '') return this.openAt(this.root, '');
    return this.inside(parentOf(directory), (parent) => this.openAt(parent.at(nameOf(directory)), directory));
  }

  private async openAt(full: string, directory: string): Promise<{ handle: DirectoryHandle; fd: number | undefined }> {
    try {
      if (!HAS_FD_PATHS) return { handle: await this.openByPath(full, directory), fd: undefined };
      const fd = await open(full, OPEN_DIRECTORY);
      try {
        return { handle: this.checked(await fstat(fd), `/proc/self/fd/${fd}`, directory, () => fsync(fd)), fd };
      } catch (error) {
        await close(fd);
        throw error;
      }
    } catch (error) {
      throw await unusableOr(error, full, directory);
    }
  }

  private async openByPath(full: string, directory: string): Promise<DirectoryHandle> {
    const stats = await lstat(full);
    if (stats.isSymbolicLink()) throw new UnusableDirectory('link', directory);
    if (!stats.isDirectory()) throw new UnusableDirectory('not a directory', directory);
    const whole = path.join(this.root, directory);
    return this.checked(stats, whole, directory, () => syncPath(whole));
  }

  private checked(
    stats: { dev: bigint; ino: bigint; mode: bigint; uid: bigint; gid: bigint },
    base: string,
    directory: string,
    sync: () => Promise<void>,
  ): DirectoryHandle {
    const { dev, ino, mode, uid, gid } = stats;
    if (dev !== this.dev) throw new UnusableDirectory('other file system', directory);
    const numbers = { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid) };
    return { at: (name) => `${base}/${name}`, list: () => readdir(base), sync, dev, ino, ...numbers };
  }

  private dropIdle(): void {
    // Without descriptors a handle is only a check that was valid a moment ago, so none is kept.
    let tooMany = this.held.size - (HAS_FD_PATHS ? MAX_IDLE : 0);
    for (const [known, held] of this.held) {
      if (tooMany <= 0) return;
      if (held.users > 0) continue;
      tooMany -= 1;
      void this.drop(known);
    }
  }

  private async drop(known: string): Promise<void> {
    const held = this.held.get(known)!;
    this.held.delete(known);
    held.dropped = true;
    if (held.users === 0) await closeHeld(held);
  }
}

async function closeHeld(held: Held): Promise<void> {
  const opened = await held.opening.catch(() => undefined);
  if (opened?.fd !== undefined) await close(opened.fd);
}

async function unusableOr(error: unknown, full: string, directory: string): Promise<unknown> {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return new UnusableDirectory('missing', directory);
    case 'ELOOP':
    case 'ENOTDIR': {
      const stats = await lstat(full).catch(() => undefined);
      return new UnusableDirectory(stats?.isSymbolicLink() ? 'link' : 'not a directory', directory);
    }
    default:
      return error;
  }
}

/** Flushes a directory to disk. Does nothing on Windows, which cannot open a directory; NTFS journals its metadata. */
async function syncPath(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const fd = await open(directory, OPEN_DIRECTORY);
  try {
    await fsync(fd);
  } finally {
    await close(fd);
  }
}
