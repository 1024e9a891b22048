/** Files that branches begin with: the seed, or with `keepBest` the best of the previous iteration. */
import { chmod, cp, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { throwIfAborted } from '../../base/abort.js';
import { removeTree } from '../../base/remove-tree.js';
import { sortInTurns } from '../../base/work-meter.js';
import { OWN_DIRECTORY } from '../../commit/journal.js';
import { type Change, diffManifests } from '../../workspace/diff.js';
import type { Manifest, ManifestEntry } from '../../workspace/manifest.js';
import { manifestOf } from '../../workspace/read-manifest.js';
import type { Refused } from '../../workspace/refused.js';
import { stageSeed } from '../../workspace/stage.js';
import type { Scratch } from './scratch.js';
import type { Snapshot, SnapshotRules } from './snapshot.js';

/** Two branches changed the same path in different ways. The change of the earlier one is kept. */
export interface MergeConflict {
  path: string;
  /** Number of the branch whose change is kept. */
  kept: number;
  /** Number of the branch whose change is dropped. */
  dropped: number;
  reason: string;
}

export interface KeptBranch {
  branch: number;
  snapshot: Snapshot;
}

interface Tree {
  /** Path of the directory; undefined if the tree is empty. */
  directory: string | undefined;
  manifest: Manifest;
}

export class BaseWorkspace {
  /** Seed as it was when the run began. A commit compares the target with it. */
  readonly origin: Tree;
  readonly ignore: SnapshotRules;
  /** Entries of the seed that could not be kept. */
  readonly refused: readonly Refused[];
  readonly #scratch: Scratch;
  #current: Tree;

  private constructor(origin: Tree, ignore: SnapshotRules, scratch: Scratch, refused: readonly Refused[] = []) {
    this.origin = origin;
    this.#current = origin;
    this.ignore = ignore;
    this.#scratch = scratch;
    this.refused = refused;
  }

  /**
   * Copies the seed once, so that all branches of all iterations begin with the same files even if the seed changes.
   * @param seed If undefined, branches begin with an empty workspace.
   * @throws RipcordError `seed-invalid` if it is not a directory
   */
  static async open(
    seed: { from: string; ignore: string[]; gitignore: boolean } | undefined,
    ignore: string[],
    scratch: Scratch,
    signal: AbortSignal,
    defaultIgnores = true,
  ): Promise<BaseWorkspace> {
    const own = [...(seed?.ignore ?? []), ...ignore];
    const rules = { ignore: own, gitignore: seed?.gitignore ?? true, defaultIgnores };
    if (!seed) return new BaseWorkspace({ directory: undefined, manifest: new Map() }, rules, scratch);
    const directory = await scratch.make('seed-');
    // A running or interrupted commit keeps its files there. They do not belong to the project.
    const ours = `/${OWN_DIRECTORY}`;
    const { manifest, refused } = await stageSeed({ ...seed, ignore: [...seed.ignore, ours] }, directory, { signal });
    return new BaseWorkspace({ directory, manifest }, rules, scratch, refused);
  }

  /** Files that branches begin with now. */
  get current(): Tree {
    return this.#current;
  }

  /**
   * Makes one snapshot the base, or several merged in order. Returns the conflicts.
   * @param into Directory to keep the base in (below a run directory). If unset, a scratch directory of the run.
   */
  async keep(kept: readonly KeptBranch[], signal: AbortSignal, into?: string): Promise<MergeConflict[]> {
    const [first, ...others] = kept;
    if (!first) return [];
    throwIfAborted(signal, 'keeping the best branch');
    const directory = into ? `${into}.partial` : await this.#scratch.make('base-');
    await removeTree(directory);
    await cp(first.snapshot.directory, directory, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
    const manifest: Manifest = new Map(first.snapshot.manifest);
    const merge = await Merge.begin(directory, manifest, this.#current.manifest, first);
    for (const other of others) {
      throwIfAborted(signal, 'merging a branch');
      await merge.add(other);
    }
    if (into) await rename(directory, into);
    const before = this.#current;
    const entries = await sortInTurns([...manifest], ([path]) => path, signal);
    this.#current = { directory: into ?? directory, manifest: new Map(entries) };
    // A base in a run directory belongs to the record of the run: keep it.
    if (before !== this.origin && before.directory && !into) await this.#scratch.remove(before.directory);
    return merge.conflicts;
  }

  /** Continues from the kept base of an earlier run. */
  async restore(directory: string, signal: AbortSignal): Promise<void> {
    const { manifest } = await manifestOf(directory, { signal });
    this.#current = { directory, manifest };
  }
}

class Merge {
  readonly conflicts: MergeConflict[] = [];
  /** Changed paths: the branch that made each change. */
  readonly #changed = new Map<string, { branch: number; change: Change }>();
  /** Direct entries of each directory of `manifest`. Searching the whole manifest for every change would be quadratic. */
  readonly #children = new Map<string, Set<string>>();

  private constructor(
    readonly directory: string,
    readonly manifest: Manifest,
    readonly base: Manifest,
  ) {
    for (const path of manifest.keys()) this.#childrenOf(dirname(path)).add(path);
  }

  static async begin(directory: string, manifest: Manifest, base: Manifest, first: KeptBranch): Promise<Merge> {
    const merge = new Merge(directory, manifest, base);
    for (const change of await diffManifests(base, first.snapshot.manifest)) {
      merge.#changed.set(change.path, { branch: first.branch, change });
    }
    return merge;
  }

  #childrenOf(directory: string): Set<string> {
    const known = this.#children.get(directory) ?? new Set();
    this.#children.set(directory, known);
    return known;
  }

  async add({ branch, snapshot }: KeptBranch): Promise<void> {
    const changes = await diffManifests(this.base, snapshot.manifest);
    // Deletions come first, inner paths before outer ones. Then the rest, directories before their entries.
    const deleted = changes.filter(({ change }) => change === 'deleted').reverse();
    for (const change of [...deleted, ...changes.filter(({ change: type }) => type !== 'deleted')]) {
      const before = this.#changed.get(change.path);
      if (before) {
        if (!sameEntry(before.change.after, change.after)) {
          this.#conflict(change.path, before.branch, branch, 'both changed it');
        }
        continue;
      }
      const problem = this.#problem(change);
      if (problem) {
        this.#conflict(change.path, problem.branch, branch, problem.reason);
        continue;
      }
      await this.#apply(change, snapshot.directory);
      this.#changed.set(change.path, { branch, change });
    }
  }

  /** Returns why a change does not fit although no other branch changed the same path. Undefined if it fits. */
  #problem({ path, change, kind }: Change): { branch: number; reason: string } | undefined {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      const entry = this.manifest.get(parent);
      if (entry?.kind === 'directory') continue;
      if (!entry && change === 'deleted') return undefined;
      const by = this.#changed.get(parent)?.branch ?? 0;
      return {
        branch: by,
        reason: entry ? `${parent} is not a directory in the other branch` : `${parent} is deleted in the other branch`,
      };
    }
    if (change === 'deleted' || kind !== 'directory') {
      // Another branch may have added an entry below the directory that this branch deletes or replaces by a file.
      for (const below of this.#children.get(path) ?? []) {
        const by = this.#changed.get(below)?.branch ?? 0;
        return { branch: by, reason: `${below} exists in the other branch` };
      }
    }
    return undefined;
  }

  async #apply({ path, after }: Change, from: string): Promise<void> {
    const target = join(this.directory, path);
    if (!after || this.manifest.get(path)?.kind !== after.kind) await removeTree(target);
    if (!after) {
      this.manifest.delete(path);
      this.#childrenOf(dirname(path)).delete(path);
      return;
    }
    if (after.kind === 'directory') await mkdir(target, { recursive: true });
    else {
      await rm(target, { force: true });
      if (after.kind === 'link') await symlink(await readlink(join(from, path)), target);
      else await cp(join(from, path), target, { preserveTimestamps: true });
    }
    if (after.kind !== 'link') await chmod(target, after.mode | (after.kind === 'directory' ? 0o700 : 0o600));
    this.manifest.set(path, after);
    this.#childrenOf(dirname(path)).add(path);
  }

  #conflict(path: string, kept: number, dropped: number, reason: string): void {
    this.conflicts.push({ path, kept, dropped, reason });
  }
}

function sameEntry(a: ManifestEntry | undefined, b: ManifestEntry | undefined): boolean {
  if (!a || !b) return a === b;
  return a.kind === b.kind && a.mode === b.mode && a.sha256 === b.sha256 && a.linkTarget === b.linkTarget;
}
