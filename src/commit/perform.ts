/**
 * Performs the steps of a commit. Each step leaves the evidence that an undo needs: `new/<n>` is gone once the step is
 * made, and `old/<n>` exists.
 */
import { copyFile } from 'node:fs/promises';
import { throwIfAborted } from '../base/abort.js';
import { forEachLimited } from '../base/concurrency.js';
import { close, OPEN_READ, open } from '../base/fd.js';
import { errnoOf } from '../base/host-error.js';
import { depthOf, nameOf, parentOf } from '../base/relative-paths.js';
import type { AnchoredTree, DirectoryHandle } from './anchored-tree.js';
import { UnusableDirectory } from './anchored-tree.js';
import type { Conflict } from './errors.js';
import { CommitConflictError, commitFileError } from './errors.js';
import { fchmod, fstat, fsync, link, lstat, readdir, rename } from './fs.js';
import type { Found } from './identity.js';
import { describe, lstatIfThere, sameIdentity } from './identity.js';
import type { Step } from './steps.js';
import { PHASES } from './steps.js';

export class Performer {
  /** Directories that were not empty and therefore stay. */
  readonly kept: string[] = [];
  /** Every directory that a step changed, with its inode number. */
  readonly touched = new Map<string, bigint>();

  constructor(
    private readonly tree: AnchoredTree,
    private readonly fresh: DirectoryHandle,
    private readonly old: DirectoryHandle,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @throws CommitConflictError if the target changes meanwhile, TaskAbortedError, FileError. Nothing is undone here.
   */
  async run(steps: readonly Step[]): Promise<void> {
    await this.tree.inside('', async (root) => void this.touched.set('', root.ino));
    for (const { steps: kinds, order } of PHASES) {
      const due = steps.filter(({ step }) => kinds.includes(step));
      if (order === 'any') await forEachLimited(due, undefined, (step) => this.perform(step));
      else for (const level of levels(due, order)) await forEachLimited(level, undefined, (step) => this.perform(step));
    }
  }

  /**
   * Checks that every changed directory is still in its place. If one was moved or replaced, the files written into it
   * moved as well.
   */
  async verify(): Promise<void> {
    const moved: Conflict[] = [];
    await this.tree.forget('');
    for (const directory of this.touched.keys()) await this.tree.forget(directory);
    await forEachLimited(this.touched, undefined, async ([directory, ino]) => {
      const now = await this.tree.inside(directory, async (handle) => handle.ino).catch(undefinedIfUnusable);
      if (now !== ino) moved.push({ path: directory || '.', reason: 'moved or replaced while it was written to' });
    });
    if (moved.length > 0) throw new CommitConflictError(moved);
  }

  private async perform(step: Step): Promise<void> {
    throwIfAborted(this.signal, `writing ${step.path}`);
    const directory = parentOf(step.path);
    try {
      await this.tree.inside(directory, async (handle) => {
        this.touched.set(directory, handle.ino);
        await this[step.step](step, handle.at(nameOf(step.path)));
      });
    } catch (error) {
      if (error instanceof UnusableDirectory) throw conflict(step.path, `its directory is gone: ${error.reason}`);
      throw commitFileError(error, 'commit', step.path);
    }
  }

  private async remove({ n, path, found }: Step, at: string): Promise<void> {
    await movedAway(path, at, this.old.at(String(n)));
    this.check(path, found!, await lstat(this.old.at(String(n))));
  }

  private async 'remove-directory'({ n, path }: Step, at: string): Promise<void> {
    await this.tree.forget(path);
    // The first check avoids removing and restoring a directory that is in use. The second check is exact: after the
    // rename no process reaches the directory by its path.
    if ((await readdir(at)).length > 0) return void this.kept.push(path);
    this.touched.delete(path);
    await movedAway(path, at, this.old.at(String(n)));
    if ((await readdir(this.old.at(String(n)))).length === 0) return;
    await rename(this.old.at(String(n)), at);
    this.kept.push(path);
  }

  private async 'make-directory'(step: Step, at: string): Promise<void> {
    await this.place(step, at);
    await this.tree.forget(step.path);
  }

  private async place({ n, path }: Step, at: string): Promise<void> {
    if ((await lstatIfThere(at)) !== undefined) throw conflict(path, 'appeared on the host');
    await rename(this.fresh.at(String(n)), at);
  }

  /** Links the old file to its backup name first, so that one rename can replace it atomically. */
  private async replace({ n, path, found }: Step, at: string): Promise<void> {
    const backup = this.old.at(String(n));
    try {
      await link(at, backup);
      this.check(path, found!, await lstat(backup));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw conflict(path, 'deleted on the host');
      if (!NO_HARD_LINKS.has(errnoOf(error) ?? '')) throw error;
      await this.copyAway(path, found!, at, backup);
    }
    await rename(this.fresh.at(String(n)), at);
  }

  /**
   * Backs up an entry without a hard link: the file system does not support them, or forbids links to files of other
   * users (fs.protected_hardlinks).
   */
  private async copyAway(path: string, found: Found, at: string, backup: string): Promise<void> {
    // A symbolic link is moved, not copied. For an instant the path does not exist.
    if (found.kind === 'link') return movedAway(path, at, backup);
    await copyFile(at, `${backup}.partial`);
    await withDescriptor(`${backup}.partial`, async (fd) => {
      await fchmod(fd, found.mode);
      await fsync(fd);
    });
    this.check(path, found, await lstat(at));
    await rename(`${backup}.partial`, backup);
  }

  private async 'set-mode'({ path, found, mode }: Step, at: string): Promise<void> {
    await withDescriptor(at, async (fd) => {
      const now = await fstat(fd);
      if (found!.kind === 'directory' ? now.ino !== found!.ino : !sameIdentity(describe(now), found!)) {
        throw conflict(path, 'changed on the host');
      }
      await fchmod(fd, mode!);
      await fsync(fd);
    });
  }

  private check(path: string, found: Found, now: Parameters<typeof describe>[0]): void {
    const seen = describe(now);
    if (!sameIdentity(seen, found) || seen.kind !== found.kind || seen.mode !== found.mode) {
      throw conflict(path, 'changed on the host');
    }
  }
}

const NO_HARD_LINKS = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function movedAway(path: string, from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? conflict(path, 'deleted on the host') : error;
  }
}

export async function withDescriptor(path: string, work: (fd: number) => Promise<void>): Promise<void> {
  const fd = await open(path, OPEN_READ);
  try {
    await work(fd);
  } finally {
    await close(fd);
  }
}

function conflict(path: string, reason: string): CommitConflictError {
  return new CommitConflictError([{ path, reason }]);
}

function undefinedIfUnusable(error: unknown): undefined {
  if (!(error instanceof UnusableDirectory)) throw error;
}

/** Groups steps by depth. Steps of one depth do not depend on each other. */
export function levels<T extends { path: string }>(steps: readonly T[], order: 'inner-first' | 'outer-first'): T[][] {
  const byDepth = new Map<number, T[]>();
  for (const step of steps) {
    const depth = depthOf(step.path);
    const level = byDepth.get(depth);
    if (level === undefined) byDepth.set(depth, [step]);
    else level.push(step);
  }
  const sorted = [...byDepth].sort(([a], [b]) => a - b).map(([, level]) => level);
  return order === 'inner-first' ? sorted.reverse() : sorted;
}
