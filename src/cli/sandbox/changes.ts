/** Implements `--out`: copies the changed files of a workspace to the host. */
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { FileError, messageOf } from '../../base/errors.js';
import { writeFully } from '../../base/fd.js';
import { safeLine } from '../../base/harmless-text.js';
import { foldedName, isOwnPath } from '../../base/path-rules.js';
import { MARK_ENDING, removeMark, writeMark } from '../../commit/result-mark.js';
import { type Allowance, sortFlags } from '../../commit/review/allowed-flags.js';
import { type Flagged, flagChanges, isOfRepository } from '../../commit/review/flags.js';
import { readSnapshotFile } from '../../commit/snapshot.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { HostDirectory, InTheWay } from '../../transfer/host-directory.js';
import type { Change } from '../../workspace/diff.js';
import type { ChangeList, LeftOut } from '../../workspace/left-out.js';
import type { SeedReport } from '../../workspace/seed-report.js';
import { optionsFor } from '../commit/allow-flags.js';
import { noteIgnored } from '../commit/note-ignored.js';
import { note } from '../failure.js';
import { plural } from '../terminal/format.js';
import { type OwnProgram, withoutProgram } from './own-program.js';

export interface SavedChanges extends LeftOut {
  files: string[];
  deleted: string[];
  /** Changes that could not be copied: links that lead out, devices, and paths where the host has something else. */
  refused: { path: string; reason: string }[];
  /**
   * Files that programs of this machine obey and that are not allowed. They are left out of a directory that was not empty; parts
   * of a repository are left out of any directory.
   */
  flagged: Flagged[];
  /** Mark beside the directory for `ripcord apply`, or the reason why it is missing. Undefined if the directory is the seed itself. */
  mark: { file: string } | { problem: string } | undefined;
}

interface SaveOptions extends Partial<Allowance> {
  /** Program that `ripcord run` put into the workspace. It is not copied back while it is unchanged. */
  program?: OwnProgram | undefined;
  /** True to leave out new caches and dependency trees. Default true. */
  defaultIgnores?: boolean;
  /** Host directory that the workspace was filled from. */
  seed?: string | undefined;
  signal?: AbortSignal;
}

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_MANIFEST_BYTES = 1024 ** 2;

/**
 * Copies every added or modified file to `directory`, and links that stay inside it. Paths that the sandbox deleted are
 * listed and stay on the host. Nothing is written through a link. Files that programs of this machine obey are not
 * written to a directory that has content, unless they are allowed. An empty directory gets no parts of a repository.
 */
export async function saveChanges(sandbox: Sandbox, directory: string, options: SaveOptions): Promise<SavedChanges> {
  const target = await HostDirectory.open(directory, { checkNames: true });
  await removeMark(target.root);
  const changes = await sandbox.diff({ signal: options.signal, defaultIgnores: options.defaultIgnores ?? true });
  return new Saving(sandbox, target, withoutProgram(changes, options.program), options).run();
}

const isOwn = (at: string): boolean => isOwnPath(at) || foldedName(at).endsWith(MARK_ENDING);

class Saving {
  private readonly saved = { files: [] as string[], deleted: [] as string[], refused: [] as SavedChanges['refused'] };
  private readonly written: Change[] = [];

  constructor(
    private readonly sandbox: Sandbox,
    private readonly target: HostDirectory,
    private readonly changes: ChangeList,
    private readonly options: SaveOptions,
  ) {}

  async run(): Promise<SavedChanges> {
    const flagged = await this.flags();
    const leftOut = new Set(flagged.map(({ path: at }) => at));
    // Links come last, so that no file is written through one, and each is checked against the host's files.
    const isLink = ({ change, kind }: Change) => change !== 'deleted' && kind === 'link';
    const others = this.changes.filter((change) => !isLink(change));
    for (const change of [...others, ...this.changes.filter(isLink)]) {
      const { path: at } = change;
      if (change.change === 'deleted') {
        this.saved.deleted.push(at);
        this.written.push(change);
      } else if (!leftOut.has(at)) await this.attempt(change);
    }
    const { ignored, ignoredCount } = this.changes;
    return { ...this.saved, flagged, ignored, ignoredCount, mark: await this.mark() };
  }

  private async flags(): Promise<Flagged[]> {
    const { allow = [], allowRules = [] } = this.options;
    const flagged = await flagChanges(
      this.changes,
      // In an empty directory only parts of a repository are left out: no manifest has to be read.
      async (change, side) => (this.target.wasEmpty ? undefined : this.text(change, side)),
      (parent) => readdir(path.join(this.target.root, parent)).catch(() => []),
    );
    const { others } = await sortFlags(flagged, { allow, allowRules });
    // Ripcord's own files are never written. Parts of a repository are left out of an empty directory, too, because a git
    // command in the result obeys the repository's configuration. Other files are as harmless there as any unpacked project.
    return others.filter((flag) => !isOwn(flag.path) && (!this.target.wasEmpty || isOfRepository(flag)));
  }

  /** Reads a manifest such as package.json, whose scripts may be flagged. */
  private async text({ path: at, before, after }: Change, side: 'before' | 'after'): Promise<string | undefined> {
    const entry = side === 'before' ? before : after;
    if (entry?.kind !== 'file' || entry.size > MAX_MANIFEST_BYTES) return undefined;
    if (side === 'after') {
      return this.sandbox.files.readText(at, { maxBytes: MAX_MANIFEST_BYTES, signal: this.options.signal });
    }
    const seed = this.sandbox.parts.seed?.directory;
    return seed && (await readSnapshotFile(seed, at, entry)).toString('utf8');
  }

  /** Copies one change. A refusal of the host or the sandbox is reported, and the other changes are still copied. */
  private async attempt(change: Change): Promise<void> {
    const { path: at, kind } = change;
    try {
      if (isOwn(at)) throw new InTheWay("Ripcord's own name");
      if (kind === 'directory') {
        await this.target.makeParents(`${at}/`);
        this.written.push(change);
      } else if (kind === 'link') {
        await this.target.makeInnerLink(at, change.after?.linkTarget ?? '');
        this.saved.files.push(at);
        this.written.push(change);
      } else if (kind === 'file') await this.saveFile(change);
      else throw new InTheWay('not a file, directory or link');
    } catch (error) {
      if (!(error instanceof InTheWay || error instanceof FileError)) throw error;
      this.saved.refused.push({ path: at, reason: error.message });
    }
  }

  private async saveFile(change: Change): Promise<void> {
    const { path: at, after } = change;
    const { signal } = this.options;
    const content = await this.sandbox.files.read(at, { maxBytes: MAX_FILE_BYTES, signal });
    await this.target.makeParents(at);
    const mode = ((after?.mode ?? 0o644) & 0o755) | 0o600;
    await this.target.writeFile(at, mode, (fd) => writeFully(fd, content), after?.mtimeMs);
    this.saved.files.push(at);
    this.written.push(change);
  }

  private async mark(): Promise<SavedChanges['mark']> {
    const { seed } = this.options;
    try {
      // If the directory is the seed itself, the changes are in place already and a mark for `ripcord apply` has no use.
      if (seed !== undefined && (await realpath(seed)) === this.target.root) return undefined;
      const changes = this.written.sort((a, b) => (a.path < b.path ? -1 : 1));
      const file = await writeMark(this.target.root, { changes });
      return file === undefined ? { problem: 'there is no place beside it' } : { file };
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }
}

/** Maximum number of lines of a list: users do not read more. */
const MAX_TOLD = 10;

/** Reports the saved changes on stderr. */
export function noteSaved({ files, deleted, refused, flagged, mark, ...left }: SavedChanges, out: string): void {
  const gone = deleted.length > 0 ? `; ${deleted.length} deleted in the sandbox, not here` : '';
  note(`${plural(files.length, 'changed file')} copied to ${out}${gone}`);
  noteIgnored(left);
  noteList('not copied', refused);
  noteList('not written', flagged);
  if (flagged.length > 0)
    note(`programs here obey such files; review them, then write them with these options: ${optionsFor(flagged)}`);
  if (mark !== undefined && 'problem' in mark)
    note(`no mark for ripcord apply could be left beside ${out}: ${mark.problem}`);
}

/** Reports the entries of `--seed` that could not be kept. */
export function noteSeed(report: SeedReport | undefined): void {
  if (report !== undefined) noteList('not in the sandbox', report.refused);
}

function noteList(what: string, list: readonly { path: string; reason: string }[]): void {
  for (const { path: at, reason } of list.slice(0, MAX_TOLD)) note(`${what}: ${safeLine(at)}: ${reason}`);
  if (list.length > MAX_TOLD) note(`${what}: ${list.length - MAX_TOLD} more`);
}
