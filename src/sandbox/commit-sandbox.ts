/** `sandbox.prepareCommit()` and `sandbox.commit()`: the files come out of the sandbox, the rest is `commit.ts`. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { InFlight } from '../base/concurrency.js';
import { FileError, InvalidOptionsError, RipcordError } from '../base/errors.js';
import { close, open, writeFully } from '../base/fd.js';
import { parseOptions } from '../base/parse-options.js';
import { parentOf } from '../base/relative-paths.js';
import { removeTree } from '../base/remove-tree.js';
import { applyCommit, type CommitReceipt } from '../commit/apply.js';
import { lstatIfThere } from '../commit/identity.js';
import type { CommitOptions, PrepareCommitOptions } from '../commit/options.js';
import { commitSchema, prepareSchema } from '../commit/options.js';
import { type CommitPlan, planChanges } from '../commit/plan.js';
import { changed } from '../commit/stage.js';
import type { SandboxFiles } from '../files/sandbox-files.js';
import type { Change } from '../workspace/diff.js';
import type { Manifest } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';

/** What a commit needs of a sandbox. */
export interface CommittableSandbox {
  files: SandboxFiles;
  /** The directory of its files, inside. */
  workspace: string;
  /** What changed since the seed, and what has names that no string can say. */
  changes(options: { maxEntries: number; signal?: AbortSignal | undefined }): Promise<{
    changes: Change[];
    refused: Refused[];
  }>;
  /** What it began with; `undefined` in `bind` mode. */
  base: { manifest: Manifest; directory: string | undefined; gitignore: boolean } | undefined;
  /** A directory of the host that goes when the sandbox goes, however it ends. */
  directory: string;
}

/** What a workspace may hold beside what is committed: dependencies, caches. */
const MAX_SEEN = 1_000_000;

/**
 * Works out what bringing the sandbox's work into `target` means. The files wait in the sandbox's own temp directory,
 * so the plan is good until the sandbox is closed.
 *
 * @throws InvalidOptionsError in `bind` mode. CommitError `workspace-changed` when files change while they are copied.
 * What {@link planChanges} throws.
 */
export async function prepareSandboxCommit(
  sandbox: CommittableSandbox,
  target: string,
  options?: PrepareCommitOptions,
): Promise<CommitPlan> {
  const { base } = sandbox;
  if (base === undefined) {
    throw new InvalidOptionsError(
      "commit: a 'bind' workspace is the host's directory itself; there is nothing to commit",
    );
  }
  const gitignore = options?.gitignore ?? base.gitignore;
  const { signal } = parseOptions(prepareSchema, options, 'commit');
  const { changes, refused } = await sandbox.changes({ maxEntries: MAX_SEEN, signal });
  const directory = path.join(sandbox.directory, `commit-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    const present = base.manifest.size + changes.filter(({ change }) => change === 'added').length;
    const fetch = (wanted: readonly Change[]) => new Fetch(sandbox, directory, signal).run(wanted, present);
    return await planChanges({ base, changes, directory, refused, target, fetch }, { ...options, gitignore });
  } catch (error) {
    await removeTree(directory);
    throw error;
  }
}

/** {@link prepareSandboxCommit} and {@link applyCommit} in one. */
export async function commitSandbox(
  sandbox: CommittableSandbox,
  target: string,
  options?: CommitOptions,
): Promise<CommitReceipt> {
  const { allow, allowRules, onRefused, onFlagged, lockTimeoutMs, ...rest } = parseOptions(
    commitSchema,
    options,
    'commit',
  );
  const plan = await prepareSandboxCommit(sandbox, target, rest);
  try {
    return await applyCommit(plan, { allow, allowRules, onRefused, onFlagged, lockTimeoutMs, signal: rest.signal });
  } finally {
    await removeTree(plan.sources.result);
  }
}

/** Up to here files are fetched one by one, whatever else the workspace holds. */
const FEW = 64;
const MAX_HELD_BYTES = 32 * 1024 * 1024;

class Fetch {
  private readonly made = new Set<string>(['']);
  private readonly flying = new InFlight(MAX_HELD_BYTES);

  constructor(
    private readonly sandbox: CommittableSandbox,
    private readonly directory: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * Brings the new and changed files to the host.
   * @param present How many entries the workspace has: one archive of it is quicker when most of it is wanted.
   */
  async run(changes: readonly Change[], present: number): Promise<void> {
    const wanted = changes.filter(({ change, after }) => after?.kind === 'file' && change !== 'mode-changed');
    if (wanted.length > FEW && wanted.length * 2 > present) await this.fetchAll();
    try {
      for (const change of wanted) {
        throwIfAborted(this.signal, `reading ${change.path}`);
        await this.flying.start(change.after!.size, () => this.fetchOne(change));
      }
      await this.flying.drain();
    } finally {
      await this.flying.settle();
    }
  }

  /**
   * Entries that the host cannot take are fetched one by one afterwards, or refused by the plan. No link of the seed is made
   * here: files are written below this directory by path afterwards, and a link that leads out would be followed.
   */
  private async fetchAll(): Promise<void> {
    const { files, workspace } = this.sandbox;
    await files.downloadTree(workspace, this.directory, { maxEntries: MAX_SEEN, signal: this.signal });
  }

  private async fetchOne({ path: relative, after }: Change): Promise<void> {
    const full = path.join(this.directory, relative);
    if ((await lstatIfThere(full)) !== undefined) return;
    const parent = parentOf(relative);
    if (!this.made.has(parent)) await mkdir(path.join(this.directory, parent), { recursive: true, mode: 0o700 });
    this.made.add(parent);
    const content = await this.read(relative, after!.size);
    const fd = await open(full, 'wx', 0o600);
    try {
      await writeFully(fd, content);
    } finally {
      await close(fd);
    }
  }

  /** Its hash is checked when it is used: here only what could not be read at all is told from what changed. */
  private async read(relative: string, size: number): Promise<Buffer> {
    try {
      return await this.sandbox.files.read(relative, { maxBytes: size, signal: this.signal });
    } catch (error) {
      if (error instanceof FileError && error.code !== 'permission-denied') throw changed(relative, error);
      if (error instanceof RipcordError && error.code === 'file-too-large') throw changed(relative, error);
      throw error;
    }
  }
}
