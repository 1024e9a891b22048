/**
 * Undoes the steps of a commit from the files on disk alone. A step was performed if its `new/<n>` is gone or its
 * `old/<n>` exists. Undoing restores that state, so it can be interrupted at any point and started again.
 */
import { randomBytes } from 'node:crypto';
import { forEachLimited } from '../base/concurrency.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf } from '../base/host-error.js';
import { nameOf, parentOf } from '../base/relative-paths.js';
import type { AnchoredTree, DirectoryHandle } from './anchored-tree.js';
import { UnusableDirectory } from './anchored-tree.js';
import type { Conflict } from './errors.js';
import { CommitError, commitFileError } from './errors.js';
import { fchmod, fsync, mkdir, rename, rmdir } from './fs.js';
import { syncDirectories } from './fsync.js';
import { inspectEntry, lstatIfThere, sameContent } from './identity.js';
import { levels, withDescriptor } from './perform.js';
import type { StoredStep } from './steps.js';
import { PHASES, storeIdentity } from './steps.js';

/** An entry that others wrote after the commit at a path that had to be restored. It was moved, not deleted. */
export interface Displaced {
  path: string;
  /** The new path, relative to the target. Undefined if the entry stayed in place. */
  movedTo?: string | undefined;
}

/** The directories that an undo uses. */
interface UndoHandles {
  tree: AnchoredTree;
  fresh: DirectoryHandle;
  old: DirectoryHandle;
}

/**
 * Undoes `steps`.
 * @throws CommitError `commit-blocked` if the undo is obstructed; call again once the cause is removed.
 */
export async function undo(handles: UndoHandles, id: string, steps: readonly StoredStep[]): Promise<Displaced[]> {
  return new Undo(handles, id).run(steps);
}

class Undo {
  private readonly displaced: Displaced[] = [];
  private readonly blocked: Conflict[] = [];
  private readonly touched = new Set<string>();
  private readonly tree: AnchoredTree;

  constructor(
    private readonly handles: UndoHandles,
    private readonly id: string,
  ) {
    this.tree = handles.tree;
  }

  async run(steps: readonly StoredStep[]): Promise<Displaced[]> {
    for (const { steps: kinds, order } of [...PHASES].reverse()) {
      const due = steps.filter(({ step }) => kinds.includes(step));
      const reversed = order === 'outer-first' ? 'inner-first' : 'outer-first';
      for (const level of order === 'any' ? [due] : levels(due, reversed)) {
        await forEachLimited(level, undefined, (step) => this.undo(step));
      }
    }
    if (this.blocked.length > 0) throw blockedError(this.blocked);
    await syncDirectories(this.tree, this.touched);
    return this.displaced;
  }

  private async undo(step: StoredStep): Promise<void> {
    try {
      await this[step.step](step);
    } catch (error) {
      if (error instanceof UnusableDirectory)
        this.blocked.push({ path: step.path, reason: `its directory: ${error.reason}` });
      else throw commitFileError(error, 'restore', step.path);
    }
  }

  private async 'set-mode'({ path, oldMode }: StoredStep): Promise<void> {
    await this.ifParentExists(path, async (handle) => {
      const found = await inspectEntry(handle, nameOf(path));
      if (found === undefined || found.kind === 'link' || found.kind === 'other' || found.mode === oldMode) return;
      await withDescriptor(handle.at(nameOf(path)), async (fd) => {
        await fchmod(fd, oldMode!);
        await fsync(fd);
      });
    });
  }

  private async place(step: StoredStep): Promise<void> {
    const { n, path } = step;
    if (await isThere(this.handles.fresh, n)) return;
    await this.ifParentExists(path, async (handle) => {
      const at = handle.at(nameOf(path));
      const ours = await this.isOurs(step, handle);
      if (ours === undefined) return;
      if (ours) await rename(at, this.handles.fresh.at(String(n)));
      else await this.displace(path, at);
    });
  }

  private async replace(step: StoredStep): Promise<void> {
    const { n, path } = step;
    // A link's backup is moved, not copied. After a crash the link can be missing although the new entry is still
    // staged.
    if (await isThere(this.handles.fresh, n)) return this.putBackIfMissing(step);
    if (!(await isThere(this.handles.old, n))) return;
    await this.withParent(path, async (handle) => {
      const at = handle.at(nameOf(path));
      if ((await this.isOurs(step, handle)) === false) await this.displace(path, at);
      await rename(this.handles.old.at(String(n)), at);
    });
  }

  private async putBackIfMissing({ n, path }: StoredStep): Promise<void> {
    if (!(await isThere(this.handles.old, n))) return;
    await this.withParent(path, async (handle) => {
      const at = handle.at(nameOf(path));
      if ((await lstatIfThere(at)) === undefined) await rename(this.handles.old.at(String(n)), at);
    });
  }

  private async 'make-directory'({ n, path }: StoredStep): Promise<void> {
    if (await isThere(this.handles.fresh, n)) return;
    await this.tree.forget(path);
    this.touched.delete(path);
    await this.ifParentExists(path, async (handle) => {
      try {
        await rmdir(handle.at(nameOf(path)));
      } catch (error) {
        const errno = errnoOf(error) ?? '';
        // The directory holds, or was replaced by, entries that others made. It stays.
        if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno)) this.displaced.push({ path });
        else if (errno !== 'ENOENT') throw error;
      }
    });
  }

  private async remove({ n, path }: StoredStep): Promise<void> {
    if (!(await isThere(this.handles.old, n))) return;
    await this.withParent(path, async (handle) => {
      const at = handle.at(nameOf(path));
      if ((await lstatIfThere(at)) !== undefined) await this.displace(path, at);
      await rename(this.handles.old.at(String(n)), at);
    });
  }

  private async 'remove-directory'({ n, path }: StoredStep): Promise<void> {
    if (!(await isThere(this.handles.old, n))) return;
    await this.tree.forget(path);
    await this.withParent(path, async (handle) => {
      const at = handle.at(nameOf(path));
      const there = await lstatIfThere(at);
      if (there?.isDirectory()) return;
      if (there !== undefined) await this.displace(path, at);
      await rename(this.handles.old.at(String(n)), at);
    });
  }

  /**
   * Returns true for an entry that the commit wrote and that is unchanged since. Undefined if nothing exists at the
   * path.
   */
  private async isOurs({ path, written }: StoredStep, handle: DirectoryHandle): Promise<boolean | undefined> {
    const quick = await inspectEntry(handle, nameOf(path));
    if (quick === undefined) return undefined;
    const { identity } = written!;
    const now = storeIdentity(quick);
    if (identity?.ino === now.ino && identity.size === now.size && identity.mtimeNs === now.mtimeNs) return true;
    // If the target was copied, inodes differ, but the content is the same.
    const found = await inspectEntry(handle, nameOf(path), [Number(quick.size)]);
    return sameContent(found, written);
  }

  /**
   * Moves an entry that others made into a visible directory of the target. `.ripcord` would be removed with the
   * commit.
   */
  private async displace(path: string, at: string): Promise<void> {
    const directory = `ripcord-displaced-${this.id}`;
    const name = `${randomBytes(4).toString('hex')}-${nameOf(path).slice(0, 60)}`;
    await this.tree.inside('', (root) => makeDirectory(root.at(directory)));
    await this.tree.inside(directory, (handle) => rename(at, handle.at(name)));
    this.touched.add('').add(directory);
    this.displaced.push({ path, movedTo: `${directory}/${name}` });
  }

  /** Runs `work` in the parent directory of `path`. Does nothing if the directory no longer exists. */
  private async ifParentExists(path: string, work: (handle: DirectoryHandle) => Promise<void>): Promise<void> {
    const directory = parentOf(path);
    try {
      await this.tree.inside(directory, work);
      this.touched.add(directory);
    } catch (error) {
      if (!(error instanceof UnusableDirectory && error.reason === 'missing')) throw error;
    }
  }

  /** Runs `work` in the parent directory of `path`, and creates the directory first if it is missing. */
  private async withParent(path: string, work: (handle: DirectoryHandle) => Promise<void>): Promise<void> {
    const directory = parentOf(path);
    try {
      await this.tree.inside(directory, work);
    } catch (error) {
      if (!(error instanceof UnusableDirectory && error.reason === 'missing')) throw error;
      await this.withParent(directory, (parent) => makeDirectory(parent.at(nameOf(directory))));
      await this.tree.inside(directory, work);
    }
    this.touched.add(directory);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function isThere(handle: DirectoryHandle, n: number): Promise<boolean> {
  return (await lstatIfThere(handle.at(String(n)))) !== undefined;
}

function blockedError(blocked: readonly Conflict[]): CommitError {
  const shown = blocked.slice(0, 10).map(({ path, reason }) => `${printable(path)} (${reason})`);
  return new CommitError('commit-blocked', `An interrupted commit cannot be undone yet: ${shown.join(', ')}`, {
    hint: 'Put the directories back, then run recoverCommit (ripcord apply --recover). Nothing is lost: .ripcord has the replaced files.',
    details: { blocked },
  });
}
