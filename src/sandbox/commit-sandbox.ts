/**
 * Implements `sandbox.prepareCommit()` and `sandbox.commit()`: downloads the changed files, then calls the functions of
 * `commit/`.
 */
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

/** Parts of a sandbox that a commit needs. */
export interface CommittableSandbox {
  files: SandboxFiles;
  /** Absolute path of the workspace in the sandbox. */
  workspace: string;
  /** Returns the changes since the seed, and the entries refused because their names are not valid strings. */
  changes(options: { maxEntries: number; signal?: AbortSignal | undefined }): Promise<{
    changes: Change[];
    refused: Refused[];
  }>;
  /** State that the workspace began with; `undefined` in `bind` mode. */
  base: { manifest: Manifest; directory: string | undefined; gitignore: boolean } | undefined;
  /** Directory of the host that is removed with the sandbox, however the sandbox ends. */
  directory: string;
}

/** Maximum number of entries that a scan reads. A workspace also holds uncommitted entries: dependencies, caches. */
const MAX_SEEN = 1_000_000;

/**
 * Computes the changes that a commit of the sandbox's work into `target` would make. The downloaded files are in the
 * sandbox's temp directory, so the plan is valid until the sandbox is closed.
 *
 * @throws InvalidOptionsError in `bind` mode. CommitError `workspace-changed` if files change while they are copied.
 * All errors of {@link planChanges}.
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

/** Runs {@link prepareSandboxCommit}, then {@link applyCommit}. */
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

/** Number of changed files up to which each is downloaded by itself, whatever the size of the workspace. */
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
   * Downloads the new and changed files to the host.
   * @param present number of entries in the workspace. If more than half are needed, one archive of all is faster.
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
   * Downloads the whole workspace as one archive. Entries that the host cannot store are downloaded one by one
   * afterwards, or refused by the plan. Links of the seed are not created here: files are written below this directory
   * by path afterwards, and a link that leads out would be followed.
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

  /**
   * Reads a file. Its hash is checked later. Here a file that changed is told apart from one that cannot be read at
   * all.
   */
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
