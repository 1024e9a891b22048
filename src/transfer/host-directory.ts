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

/** A reason of the host's, not of the archive's, why one path cannot be written: a link or directory is in the way. */
export class InTheWay extends Error {}

interface Known {
  /** Created by us a moment ago: nothing can be in the way in there. */
  fresh: boolean;
  /** Folded name → name of what was there before; only where it was asked for. */
  names: Map<string, string> | undefined;
}

/**
 * The host directory an archive is extracted into. Every parent is looked at before it is used, and a link among them
 * is never followed; what exists is replaced by rename, so that a reader sees the old file or the new one. Nobody who
 * is not trusted may change the directory meanwhile: a look and a use are two system calls.
 */
export class HostDirectory {
  private readonly directories = new Map<string, Promise<Known>>();
  private readonly unfinished = new Set<string>();

  private constructor(
    /** The real path. */
    readonly root: string,
    /** The directory was empty when it was opened. */
    readonly wasEmpty: boolean,
    private readonly checkNames: boolean,
  ) {}

  /** Opens or creates `directory`. Links in the path the caller gave are the caller's own and followed. */
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

  /** Makes the directories above `relative`. */
  async makeParents(relative: string): Promise<void> {
    for (let end = relative.indexOf('/'); end !== -1; end = relative.indexOf('/', end + 1)) {
      await this.makeDirectory(relative.slice(0, end), 0o755);
    }
  }

  /**
   * Creates a file; `content` writes it to the descriptor. Its parent must have been made by `makeDirectory`.
   * @param mtimeMs When it was changed last. Default: now.
   */
  async writeFile(
    relative: string,
    mode: number,
    content: (fd: number) => Promise<void>,
    mtimeMs?: number,
  ): Promise<void> {
    const place = await this.placeFor(relative);
    try {
      const fd = await open(place.path, 'wx', mode);
      this.unfinished.add(place.path);
      try {
        await content(fd);
        if (mtimeMs !== undefined) await setTime(fd, mtimeMs);
      } finally {
        await close(fd);
      }
      if (place.isTemporary) await rename(place.path, path.join(this.root, relative));
      this.unfinished.delete(place.path);
    } catch (error) {
      throw inTheWayOr(hostFileError(error, 'write', relative));
    }
  }

  /** Sets when a directory was changed last, if it was made here. */
  async setDirectoryTime(relative: string, mtimeMs: number): Promise<void> {
    const known = await this.directories.get(relative)?.catch(() => undefined);
    if (!known?.fresh) return;
    await utimes(path.join(this.root, relative), new Date(), secondsOf(mtimeMs)).catch(() => {});
  }

  async makeLink(relative: string, target: string): Promise<void> {
    const place = await this.placeFor(relative);
    try {
      await symlink(target, place.path);
      if (place.isTemporary) {
        this.unfinished.add(place.path);
        await rename(place.path, path.join(this.root, relative));
        this.unfinished.delete(place.path);
      }
    } catch (error) {
      throw inTheWayOr(hostFileError(error, 'create the link', relative));
    }
  }

  /**
   * Makes a link that leads to a place below this directory, be it there or not, and the directories above the link.
   * @throws InTheWay for a link that leads out, by itself or through another link of the host
   */
  async makeInnerLink(relative: string, target: string): Promise<void> {
    const problem =
      linkProblem(relative, target) ?? (await linkRefusal(relative, target, (prefix) => this.linkAt(prefix)));
    if (problem !== undefined) throw new InTheWay(problem);
    await this.makeParents(relative);
    await this.makeLink(relative, target);
  }

  /** The text of the link at `relative`. Undefined for anything else. */
  private async linkAt(relative: string): Promise<string | undefined> {
    try {
      return await readlink(path.join(this.root, relative));
    } catch (error) {
      if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
      throw hostFileError(error, 'look at', relative);
    }
  }

  /** Removes what was begun and not finished. */
  async discardUnfinished(): Promise<void> {
    for (const file of this.unfinished) await unlink(file).catch(() => {});
    this.unfinished.clear();
  }

  /** Where to write first: the final name in a directory of ours, else a hidden name beside it. */
  private async placeFor(relative: string): Promise<{ path: string; isTemporary: boolean }> {
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
    throw hostFileError(error, 'look at', relative);
  }
}

/** The host's file system may take two names for one although they look different to us. */
function inTheWayOr(error: unknown): unknown {
  return error instanceof FileError && error.errno === 'EEXIST' ? new InTheWay('exists already') : error;
}

/** Writes one piece after the other. */
export async function writeParts(fd: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const part of parts) await writeFully(fd, part);
}
