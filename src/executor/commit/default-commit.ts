/** The default `commit` of a run: atomic, three-way against the seed. */
import { readdir } from 'node:fs/promises';
import { errnoOf, hostFileError } from '../../base/host-error.js';
import { type ApplyCommitOptions, applyCommit, type CommitPlan, prepareCommit } from '../../commit/index.js';
import { OWN_DIRECTORY } from '../../commit/journal.js';
import type { Commit, CommitRequest } from './commit-types.js';

/** Rules for files that may be written to the target without an approval. */
export type CommitRules = Pick<ApplyCommitOptions, 'allow' | 'allowRules' | 'onRefused'>;

export function defaultCommit(rules: CommitRules): Commit {
  return async (request) => {
    const { base, files, refused, target, signal } = request;
    // The snapshot has already left out the ignored files.
    const options = { signal, defaultIgnores: false };
    const changed = await prepareCommit({ base, result: { ...files, refused }, target }, options);
    const withSeed = !request.seedIsTarget && base.manifest.size > 0 && (await isEmpty(target));
    const plan = withSeed ? await planWithSeed(request) : changed;
    return {
      withSeed,
      conflicts: plan.conflicts,
      flagged: plan.flagged,
      refused: plan.refused,
      // The caller already knows the files of the seed: show only the changes to them.
      diff: () => changed.unifiedDiff(),
      apply: async ({ allow, signal: applySignal }) => {
        return await applyCommit(plan, { ...rules, allow: [...(rules.allow ?? []), ...allow], signal: applySignal });
      },
    };
  };
}

/** Limits on the changes alone. The files of the seed are the caller's and come on top. */
const MAX_CHANGES = 10_000;
const MAX_CHANGED_BYTES = 256 * 1024 ** 2;

/** Plans a commit to an empty target, which receives all files of the branch: the seed's with the changes. */
function planWithSeed({ base, files, refused, target, signal }: CommitRequest): Promise<CommitPlan> {
  let maxBytes = MAX_CHANGED_BYTES;
  for (const { size } of base.manifest.values()) maxBytes += size;
  const sources = { base: { manifest: new Map() }, seed: base, result: { ...files, refused }, target };
  const maxEntries = MAX_CHANGES + base.manifest.size;
  return prepareCommit(sources, { signal, defaultIgnores: false, maxEntries, maxBytes });
}

/** Entries of a target that still counts as empty: a fresh repository, and the directory of a commit in progress. */
const NO_CONTENT = new Set(['.git', OWN_DIRECTORY]);

async function isEmpty(target: string): Promise<boolean> {
  try {
    return (await readdir(target)).every((name) => NO_CONTENT.has(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw hostFileError(error, 'list', target);
  }
}
