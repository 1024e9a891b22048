import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, realpath, rename, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { FileError } from '../base/errors.js';
import { close, lstat, open, secondsOf, setTime, utimes, writeFully } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { makeDirectories } from '../base/make-directories.js';
import { foldedName, linkProblem } from '../base/path-rules.js';
import { linkRefusal } from '../commit/review/refusals.js';

/**
 * Thrown if a path cannot be written because an existing entry of the host is in the way. The archive itself is valid.
 */
export class InTheWay extends Error {}

interface Known {
  /** True if this process just created it, so that no other entry can be in the way. */
  fresh: boolean;
  /** Folded name → existing name. Set only if names are checked. */
  names: Map<string, string> | undefined;
}

/**
 * The host directory into which an archive is extracted. Every parent directory is checked before it is used, and links
 * among them are never followed. Existing files are replaced by rename, so that readers see the old file or the new
 * one. No untrusted program may change the directory meanwhile, because the check and the use are two system calls.
 */
export class HostDirectory {
  private readonly directories = new Map<string, Promise<Known>>();
  private readonly unfinished = new Set<string>();

  private constructor(
    /** Real path of the directory. */
    readonly root: string,
    /** True if the directory was empty when it was opened. */
    readonly wasEmpty: boolean,
    private readonly checkNames: boolean,
  ) {}

  /** Opens or creates `directory`. The caller chose the path, so links in it are followed. */
  static async open(directory: string, options: { checkNames: boolean }): Promise<HostDirectory> {
    try {
      const created = await makeDirectories(directory, 0o755);
      const root = await realpath(directory);
      const wasEmpty = created !== undefined || (await readdir(root)).length === 0;
      const target = new HostDirectory(root, wasEmpty, options.checkNames);
      target.directories.set('', target.know(target.root, created !== undefined));
      await target.directories.get('');
      return target;
    } catch (error) {
      throw hostFileError(error, 'open', directory);
    }
  }

  async makeDirectory(relative: string, mode: number): Promise<void> {
    const known = this.directories.get(relative);
    if (known !== undefined) return void (await known);
    const creating = this.createDirectory(relative, mode);
    this.directories.set(relative, creating);
    await creating;
  }

  /** Creates the directories above `relative`. */
  async makeParents(relative: string): Promise<void> {
    for (let end = relative.indexOf('/'); end !== -1; end = relative.indexOf('/', end + 1)) {
      await this.makeDirectory(relative.slice(0, end), 0o755);
    }
  }

  /**
   * Creates a file. `content` writes it to the descriptor. Its parent must have been created with `makeDirectory`.
   * @param mtimeMs Time of the last change. Default: now.
   */
  async writeFile(
    relative: string,
    mode: number,
    content: (fd: number) => Promise<void>,
    mtimeMs?: number,
  ): Promise<void> {
    const written = await this.writePathFor(relative);
    try {
      const fd = await open(written.path, 'wx', mode);
      this.unfinished.add(written.path);
      try {
        await content(fd);
        if (mtimeMs !== undefined) await setTime(fd, mtimeMs);
      } finally {
        await close(fd);
      }
      if (written.isTemporary) await rename(written.path, path.join(this.root, relative));
      this.unfinished.delete(written.path);
    } catch (error) {
      throw inTheWayOr(hostFileError(error, 'write', relative));
    }
  }

  /** Sets the modification time of a directory, if it was created here. */
  async setDirectoryTime(relative: string, mtimeMs: number): Promise<void> {
    const known = await this.directories.get(relative)?.catch(() => undefined);
    if (!known?.fresh) return;
    await utimes(path.join(this.root, relative), new Date(), secondsOf(mtimeMs)).catch(() => {});
  }

  async makeLink(relative: string, target: string): Promise<void> {
    const written = await this.writePathFor(relative);
    try {
      await symlink(target, written.path);
      if (written.isTemporary) {
        this.unfinished.add(written.path);
        await rename(written.path, path.join(this.root, relative));
        this.unfinished.delete(written.path);
      }
    } catch (error) {
      throw inTheWayOr(hostFileError(error, 'create the link', relative));
    }
  }

  /**
   * Creates a link whose target is below this directory, whether or not it exists, and the directories above the link.
   * @throws InTheWay for a link that leads out, directly or through another link of the host
   */
  async makeInnerLink(relative: string, target: string): Promise<void> {
    const problem =
      linkProblem(relative, target) ?? (await linkRefusal(relative, target, (prefix) => this.linkAt(prefix)));
    if (problem !== undefined) throw new InTheWay(problem);
    await this.makeParents(relative);
    await this.makeLink(relative, target);
  }

  /** Returns the target of the link at `relative`. Undefined for anything else. */
  private async linkAt(relative: string): Promise<string | undefined> {
    try {
      return await readlink(path.join(this.root, relative));
    } catch (error) {
      if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
      throw hostFileError(error, 'inspect', relative);
    }
  }

  /** Removes unfinished files. */
  async discardUnfinished(): Promise<void> {
    for (const file of this.unfinished) await unlink(file).catch(() => {});
    this.unfinished.clear();
  }

  /**
   * Returns the path to write to first: the final name in a directory created here, otherwise a hidden name beside it.
   */
  private async writePathFor(relative: string): Promise<{ path: string; isTemporary: boolean }> {
    const final = path.join(this.root, relative);
    const parent = await this.directories.get(parentOf(relative))!;
    if (parent.fresh) return { path: final, isTemporary: false };
    this.checkName(relative, parent);
    const existing = await lstatOrNothing(final, relative);
    if (existing !== undefined && !existing.isFile() && !existing.isSymbolicLink()) {
      throw new InTheWay(existing.isDirectory() ? 'a directory is there' : 'neither file nor link is there');
    }
    const hidden = `.ripcord-${randomBytes(9).toString('base64url')}`;
    return { path: path.join(path.dirname(final), hidden), isTemporary: true };
  }

  private async createDirectory(relative: string, mode: number): Promise<Known> {
    const parent = await this.directories.get(parentOf(relative))!;
    const full = path.join(this.root, relative);
    this.checkName(relative, parent);
    try {
      await mkdir(full, { mode });
      return { fresh: true, names: undefined };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw hostFileError(error, 'create', relative);
    }
    const existing = await lstatOrNothing(full, relative);
    if (existing?.isSymbolicLink()) throw new InTheWay('lies behind a link on the host');
    if (!existing?.isDirectory()) throw new InTheWay('lies behind a file on the host');
    return await this.know(full, false);
  }

  private async know(full: string, fresh: boolean): Promise<Known> {
    if (fresh || !this.checkNames) return { fresh, names: undefined };
    const names = await readdir(full);
    return { fresh, names: new Map(names.map((name) => [foldedName(name), name])) };
  }

  private checkName(relative: string, parent: Known): void {
    const name = path.posix.basename(relative);
    const twin = parent.names?.get(foldedName(name));
    if (twin !== undefined && twin !== name) {
      throw new InTheWay(`same name as ${printable(twin)} on some file systems`);
    }
  }
}

function parentOf(relative: string): string {
  return relative.slice(0, Math.max(relative.lastIndexOf('/'), 0));
}

async function lstatOrNothing(full: string, relative: string) {
  try {
    return await lstat(full);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw hostFileError(error, 'inspect', relative);
  }
}

/** Maps EEXIST to InTheWay: the host's file system may treat two different names as one. */
function inTheWayOr(error: unknown): unknown {
  return error instanceof FileError && error.errno === 'EEXIST' ? new InTheWay('exists already') : error;
}

/** Writes the parts in order. */
export async function writeParts(fd: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const part of parts) await writeFully(fd, part);
}
