/** Makes a plan from the arguments of `ripcord diff` and `ripcord apply`: two directories, or a saved plan. */
import { realpathSync, statSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { InvalidOptionsError } from '../../base/errors.js';
import { OWN_DIRECTORY } from '../../commit/journal.js';
import type { CommitPlan } from '../../commit/plan.js';
import { prepareCommit } from '../../commit/plan.js';
import { isSame, MARK_ENDING, type ResultMark, readMark } from '../../commit/result-mark.js';
import { planSaved } from '../../commit/saved-plan.js';
import type { Manifest } from '../../workspace/manifest.js';
import { manifestOf } from '../../workspace/read-manifest.js';

export interface PlanFlags {
  /** True if the result has only the changed files: nothing is deleted. */
  partial?: boolean;
  /** True if the result is complete: paths that it lacks are deleted. */
  delete?: boolean;
  gitignore: boolean;
  defaultIgnores: boolean;
}

interface PlanSources {
  first: string;
  result: string | undefined;
  target: string;
  /** True to take the state before the sandbox from the mark, if there is one, because `first` may have changed since. */
  trustMark: boolean;
}

export interface ReadPlan {
  plan: CommitPlan;
  /** True if a mark, `--delete` or a saved plan names the deletions. If false, the result lacks these paths for an unknown reason. */
  deletionsKnown: boolean;
  /** True if there is a valid mark beside the result. */
  isMarked: boolean;
  /** Reason why the mark beside the result is invalid; undefined if it is valid or missing. */
  markProblem: string | undefined;
}

/**
 * Makes a plan from the sources.
 * @param deletions False to leave out changes that delete.
 * @throws InvalidOptionsError when the sources are neither two directories nor a plan
 */
export async function readPlan(
  sources: PlanSources,
  flags: PlanFlags,
  signal: AbortSignal,
  deletions = true,
): Promise<ReadPlan> {
  const { first, result, target } = sources;
  if (flags.partial && flags.delete) throw new InvalidOptionsError('--partial and --delete exclude each other');
  if (result === undefined) {
    if (isDirectory(first))
      throw new InvalidOptionsError('the directory after is missing', {
        hint: 'Name two directories, or a saved plan.',
      });
    const saved = await planSaved(first, target, { signal }, deletions && !flags.partial);
    return {
      ...saved,
      deletionsKnown: saved.deletionsKnown || !!flags.delete,
      isMarked: false,
      markProblem: undefined,
    };
  }
  for (const directory of [first, result]) {
    if (!isDirectory(directory)) throw new InvalidOptionsError(`${directory} is not a directory`);
  }
  // A running or interrupted commit keeps its files there. They do not belong to the project.
  const ignore = [`/${OWN_DIRECTORY}`];
  const base = await manifestOf(first, { gitignore: flags.gitignore, ignore, signal });
  const after = await manifestOf(result, { gitignore: false, signal });
  leaveOutResult(base.manifest, first, result);
  const read = await readMark(result, after.manifest);
  const mark = read !== undefined && 'changes' in read ? read : undefined;
  const fill = (isDeleted: (path: string) => boolean) => {
    for (const [path, entry] of base.manifest) {
      if (!after.manifest.has(path) && !isDeleted(path)) after.manifest.set(path, entry);
    }
  };
  if (flags.partial || !deletions) fill(() => false);
  else if (mark !== undefined && !flags.delete) fill(deletedBy(mark, base.manifest));
  if (mark !== undefined && sources.trustMark) rewind(base.manifest, mark);
  const plan = await prepareCommit(
    { base: { ...base, directory: first }, result: { ...after, directory: result }, target },
    { gitignore: flags.gitignore, defaultIgnores: flags.defaultIgnores, signal },
  );
  return {
    plan,
    deletionsKnown: mark !== undefined || !!flags.delete,
    isMarked: mark !== undefined,
    markProblem: read !== undefined && 'problem' in read ? read.problem : undefined,
  };
}

/** Leaves a result inside the directory before, and its mark, out of the manifest: they are newer than the sandbox's start. */
function leaveOutResult(manifest: Manifest, first: string, result: string): void {
  const inside = relative(realpathSync(first), realpathSync(result)).split(sep).join('/');
  if (inside === '' || inside.startsWith('../') || inside === '..') return;
  manifest.delete(inside + MARK_ENDING);
  for (const path of manifest.keys()) {
    if (path === inside || path.startsWith(`${inside}/`)) manifest.delete(path);
  }
}

/** Returns a test for paths that the mark lists as deleted and whose content has not changed since. */
function deletedBy({ changes }: ResultMark, base: Manifest): (path: string) => boolean {
  const listed = new Map(changes.flatMap(({ change, path, before }) => (change === 'deleted' ? [[path, before]] : [])));
  return (path) => {
    const before = listed.get(path);
    return before !== undefined && isSame(before, base.get(path));
  };
}

/** Restores the entries of the sandbox's start, so that a later change on the host becomes a conflict instead of being lost. */
function rewind(manifest: Manifest, { changes }: ResultMark): void {
  for (const { change, path, before } of changes) {
    const now = manifest.get(path);
    if (change === 'deleted' || (before === undefined ? now === undefined : isSame(before, now))) continue;
    if (before === undefined) manifest.delete(path);
    else manifest.set(path, before);
  }
}

const isDirectory = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
