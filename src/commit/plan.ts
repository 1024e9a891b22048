import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { forEachLimited } from '../base/concurrency.js';
import { InvalidOptionsError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { parseOptions } from '../base/parse-options.js';
import { nameOf, parentOf, prefixesOf } from '../base/relative-paths.js';
import { WorkMeter } from '../base/work-meter.js';
import type { Change } from '../workspace/diff.js';
import { diffManifests, summarizeChanges } from '../workspace/diff.js';
import { Budget } from '../workspace/limits.js';
import type { Manifest } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';
import { type AnchoredTree, UnusableDirectory } from './anchored-tree.js';
import type { CommitChange } from './commit-change.js';
import { CommitError, type Conflict } from './errors.js';
import { examine } from './examine.js';
import type { PrepareCommitOptions, UnifiedDiffOptions } from './options.js';
import { prepareSchema, unifiedDiffSchema } from './options.js';
import { sameMode } from './permissions.js';
import { openTree, recoverCommit } from './recover.js';
import type { Flagged } from './review/flags.js';
import { flagChanges } from './review/flags.js';
import { leaveOut } from './review/ignore.js';
import type { Refusal } from './review/refusals.js';
import { changeRefusal } from './review/refusals.js';
import { isBinary, readSnapshotFile } from './snapshot.js';
import { unifiedDiff } from './unified.js';

/** A file tree at one moment: its manifest with hashes, and the directory that holds the files. */
export interface Snapshot {
  manifest: Manifest;
  directory: string;
  /** Entries that could not be included. */
  refused?: readonly Refused[];
}

export interface CommitSources {
  /**
   * The files that the sandbox began with. Without `directory`, base texts are unknown and .gitignore files are not
   * read.
   */
  base: Omit<Snapshot, 'directory'> & { directory?: string | undefined };
  /** The files that the sandbox has now. */
  result: Snapshot;
  /** Host directory to update. Created if it is missing. */
  target: string;
  /**
   * The files that the sandbox began with, if the target is to receive these as well. `base` then lists the files that
   * the target has. Entries that are unchanged since the seed are the caller's own: they are not flagged, and their
   * links may lead out of the target.
   */
  seed?: CommitSources['base'] | undefined;
}

/** The result of {@link prepareCommit}. Nothing is written yet. {@link applyCommit} examines the target again. */
export class CommitPlan {
  /** Identifies the commit in the target's journal. */
  readonly id: string = newId();

  /** @internal Made by {@link prepareCommit}. */
  constructor(
    /** Absolute path of the target. */
    readonly target: string,
    /** Changes, sorted by path. */
    readonly changes: readonly CommitChange[],
    /** Changes that can run programs on the host. They are written only if the caller allows them. */
    readonly flagged: readonly Flagged[],
    /** Changes that are never written. */
    readonly refused: readonly Refused[],
    /** Files of the target that were changed since the seed was taken. */
    readonly conflicts: readonly Conflict[],
    /** Topmost paths excluded by `ignore`, .gitignore files and the default list; at most 1,000 of `ignoredCount`. */
    readonly ignored: readonly string[],
    readonly ignoredCount: number,
    /** @internal */
    readonly sources: { base: string | undefined; result: string },
    /** @internal Refused changes among `changes`, by path. */
    readonly refusals: readonly Refusal[],
    /** @internal Paths of `changes` whose entries are unchanged since the caller's seed. */
    readonly own: ReadonlySet<string> = new Set(),
  ) {}

  /** Total size of the files to write, in bytes. */
  get bytes(): number {
    return this.changes.reduce(
      (sum, { change, after }) => sum + (change === 'mode-changed' ? 0 : (after?.size ?? 0)),
      0,
    );
  }

  /** Returns the counts as text: `2 added, 1 deleted`. */
  summary(): string {
    return summarizeChanges(this.changes);
  }

  /** Used by `JSON.stringify`. Contains every property that is needed to decide about the plan. */
  toJSON(): object {
    const { id, target, changes, flagged, refused, conflicts, ignored, ignoredCount } = this;
    return { id, target, summary: this.summary(), changes, flagged, refused, conflicts, ignored, ignoredCount };
  }

  /** Returns the changes in the format of `git diff`. `git apply` and `patch -p1` accept the text parts. */
  unifiedDiff(options?: UnifiedDiffOptions): Promise<string> {
    const parsed = parseOptions(unifiedDiffSchema, options, 'unifiedDiff');
    return unifiedDiff(this.changes, this.sources, parsed);
  }
}

/**
 * Computes the changes that bring a sandbox's work into a host directory. The comparison is three-way: the files the
 * sandbox began with, its files now, and the target. If an earlier commit to the target was interrupted, it is
 * recovered first. Apart from that, nothing is written.
 *
 * @throws RipcordError `too-many-entries` and `file-too-large` at the limits, TaskAbortedError, FileError, and the
 * errors of {@link recoverCommit}. Conflicts, flagged files and refused files are part of the plan, not errors.
 * @example
 * const plan = await prepareCommit({ base, result, target: '/home/me/project' })
 * console.log(await plan.unifiedDiff())
 * await applyCommit(plan, { allow: ['.github/workflows/'] })
 */
export async function prepareCommit(sources: CommitSources, options?: PrepareCommitOptions): Promise<CommitPlan> {
  const { base, result, target, seed } = sources;
  const changes = await diffManifests(base.manifest, result.manifest, options?.signal);
  const since = seed && {
    directory: seed.directory,
    changes: await diffManifests(seed.manifest, result.manifest, options?.signal),
  };
  const { directory, refused = [] } = result;
  return planChanges({ base, changes, directory, refused, target, since }, options);
}

interface ChangeSources {
  base: CommitSources['base'];
  changes: readonly Change[];
  /** Directory that holds the new and changed files. */
  directory: string;
  refused: readonly Refused[];
  target: string;
  /** Changes relative to the caller's seed, if the seed differs from `base`. */
  since?: { directory: string | undefined; changes: readonly Change[] } | undefined;
  /** Downloads the files of `changes` into `directory`. Called once the list of changes is final. */
  fetch?: (changes: readonly Change[]) => Promise<void>;
}

/** Implements {@link prepareCommit} for callers that already have the changes. */
export async function planChanges(sources: ChangeSources, options?: PrepareCommitOptions): Promise<CommitPlan> {
  const parsed = parseOptions(prepareSchema, options, 'prepareCommit');
  const { signal } = parsed;
  const target = targetPath(sources.target);
  const left = await leaveOut(sources.changes.filter(isRelevant), sources.base, parsed);
  const { changes: relevant } = left;
  checkBudget(relevant, parsed);

  throwIfAborted(signal, 'looking at the target');
  await recoverCommit(target, { signal });
  const made = sources.since === undefined ? relevant : await changesAmong(sources.since.changes, relevant);
  const own = pathsWithout(relevant, made);
  const refusals = relevant.flatMap((change) => {
    const reason = changeRefusal(change, own.has(change.path));
    return reason === undefined ? [] : [{ path: change.path, reason }];
  });
  const possible = await withoutRefused(relevant, refusals);
  await sources.fetch?.(possible);
  const tree = await openTree(target);
  try {
    const { conflicts, refused } = await examine(tree, possible, own, signal);
    const all = [...refusals, ...refused];
    const from = { base: sources.base.directory, result: sources.directory };
    const judged = { base: (sources.since ?? sources.base).directory, result: sources.directory };
    const brought = namesByParent(own);
    const flagged = await flagChanges(
      await withoutRefused(made, all),
      (change, side) => readManifestText(change, side, judged),
      async (parent) => [...(await namesIn(tree, parent)), ...(brought.get(parent) ?? [])],
    );
    const shown = all.map(({ path, reason }) => ({ path: printable(path), reason }));
    return new CommitPlan(
      target,
      await withBinary(relevant, possible, from, signal),
      flagged,
      [...sources.refused, ...shown],
      conflicts,
      left.ignored,
      left.ignoredCount,
      from,
      refusals,
      own,
    );
  } finally {
    await tree?.close();
  }
}

/** Returns the changes whose paths also occur in `relevant`. */
async function changesAmong(changes: readonly Change[], relevant: readonly Change[]): Promise<Change[]> {
  const meter = new WorkMeter();
  const paths = new Set(relevant.map(({ path }) => path));
  const among: Change[] = [];
  for (const change of changes) {
    if (meter.spend(change.path.length)) await meter.rest();
    if (isRelevant(change) && paths.has(change.path)) among.push(change);
  }
  return among;
}

/** Returns the paths of `all` that do not occur in `made`. */
function pathsWithout(all: readonly Change[], made: readonly Change[]): ReadonlySet<string> {
  if (all === made) return new Set();
  const touched = new Set(made.map(({ path }) => path));
  return new Set(all.flatMap(({ path }) => (touched.has(path) ? [] : [path])));
}

function namesByParent(paths: ReadonlySet<string>): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const path of paths) {
    const parent = parentOf(path);
    const known = names.get(parent);
    if (known) known.push(nameOf(path));
    else names.set(parent, [nameOf(path)]);
  }
  return names;
}

/**
 * Returns the changes that are neither refused nor below a refused path. If a link in place of a directory is refused,
 * the directory stays unchanged.
 */
export async function withoutRefused<C extends Change>(
  changes: readonly C[],
  refusals: readonly Refusal[],
): Promise<C[]> {
  if (refusals.length === 0) return [...changes];
  const refused = new Set(refusals.map(({ path }) => path));
  const meter = new WorkMeter();
  const isRefused = async (path: string): Promise<boolean> => {
    for (const prefix of prefixesOf(path)) {
      // A map lookup hashes the whole path.
      if (meter.spend(prefix.length)) await meter.rest();
      if (refused.has(prefix)) return true;
    }
    return false;
  };
  const remaining: C[] = [];
  for (const change of changes) if (!(await isRefused(change.path))) remaining.push(change);
  return remaining;
}

const newId = (): string =>
  BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(16, '0')
    .slice(-16);

function targetPath(target: string): string {
  if (typeof target !== 'string' || target === '' || target.includes('\0')) {
    throw new InvalidOptionsError(`prepareCommit: target: expected a path (got ${JSON.stringify(target)})`);
  }
  return path.resolve(target);
}

/** Returns false for permissions that differ only by the umask; see `permissions.ts`. */
function isRelevant({ change, before, after }: Change): boolean {
  return change !== 'mode-changed' || !sameMode(before!, after!);
}

function checkBudget(changes: readonly Change[], limits: { maxEntries: number; maxBytes: number }): void {
  const budget = new Budget(limits, 'The commit');
  for (const { path, change, after } of changes) {
    budget.addEntry(path);
    if (after !== undefined && change !== 'mode-changed') budget.addBytes(after.size);
  }
}

async function namesIn(tree: AnchoredTree | undefined, directory: string): Promise<string[]> {
  if (tree === undefined) return [];
  return tree.inside(directory, (handle) => handle.list()).catch(noneIfUnusable);
}

function noneIfUnusable(error: unknown): [] {
  if (error instanceof UnusableDirectory) return [];
  throw error;
}

type Directories = CommitPlan['sources'];
/** Manifests above this size are not read: 1 MiB is far more than a real package.json has. */
const MAX_MANIFEST_BYTES = 1024 ** 2;

async function readManifestText(change: Change, side: 'before' | 'after', from: Directories) {
  const entry = change[side];
  const directory = side === 'before' ? from.base : from.result;
  if (entry?.kind !== 'file' || directory === undefined || entry.size > MAX_MANIFEST_BYTES) return undefined;
  const read = readSnapshotFile(directory, change.path, entry).then((bytes) => bytes.toString('utf8'));
  return side === 'before' ? read.catch(unlessChanged) : read;
}

/**
 * Returns undefined if the seed's file changed meanwhile. The change is a conflict then, and its old text is not
 * needed.
 */
function unlessChanged(error: unknown): undefined {
  if (!(error instanceof CommitError) || error.code !== 'workspace-changed') throw error;
}

async function withBinary(
  changes: readonly Change[],
  readable: readonly Change[],
  from: Directories,
  signal: AbortSignal | undefined,
): Promise<CommitChange[]> {
  const paths = new Set(readable.map(({ path }) => path));
  const made = changes.map((change) => ({ ...change, binary: false }));
  await forEachLimited(made, undefined, async (change) => {
    throwIfAborted(signal, `looking at ${change.path}`);
    if (change.change === 'mode-changed' || !paths.has(change.path)) return;
    change.binary =
      (await isBinary(from.result, change.path, change.after)) ||
      (await isBinary(from.base, change.path, change.before).catch(unlessChanged)) === true;
  });
  return made;
}
