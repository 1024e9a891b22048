/** How a run commits where the caller did not say otherwise: atomically, three-way against the seed. */
import { type ApplyCommitOptions, applyCommit, prepareCommit } from '../workspace/commit.js';
import type { Commit } from './commit-step.js';

/** What may be written to the target without anybody being asked. */
export type CommitRules = Pick<ApplyCommitOptions, 'allow' | 'allowRules' | 'onRefused'>;

export function defaultCommit(rules: CommitRules): Commit {
  return async ({ base, files, refused, target, signal }) => {
    // The snapshot has left out what the run leaves out.
    const options = { signal, defaultIgnores: false };
    const plan = await prepareCommit({ base, result: { ...files, refused }, target }, options);
    return {
      conflicts: plan.conflicts,
      flagged: plan.flagged,
      refused: plan.refused,
      diff: () => plan.unifiedDiff(),
      apply: async ({ allow, signal: applySignal }) => {
        return await applyCommit(plan, { ...rules, allow: [...(rules.allow ?? []), ...allow], signal: applySignal });
      },
    };
  };
}
