/** The last step of an accepted branch: commits its files to the target, after the approval if there is one. */
import { messageOf, RipcordError } from '../../base/errors.js';
import { checkResult } from '../executor-error.js';
import { approvalSchema } from '../result-schemas.js';
import type {
  Approval,
  ApprovalRequest,
  Commit,
  CommitIssue,
  CommitReport,
  CommitRequest,
  CommitStatus,
} from './commit-types.js';

interface CommitHooks {
  /** Function that approves the commit. If undefined, the commit needs no approval. */
  approve: ((request: ApprovalRequest) => Promise<Approval>) | undefined;
  /** Called right before the first write. Throws on abort. */
  beforeApply(): void;
}

/**
 * Prepares a commit, gets the approval and applies it. Conflicts and refusals are in the report.
 * @throws TaskAbortedError if aborted before the first write. After it the commit completes.
 */
export async function commitStep(commit: Commit, request: CommitRequest, hooks: CommitHooks): Promise<CommitReport> {
  const { branch, target, changes, iteration, signal } = request;
  const report = (status: CommitStatus, issues: readonly CommitIssue[] = [], feedback?: string): CommitReport => ({
    status,
    branch,
    target,
    changes,
    issues,
    feedback: feedback ?? (issues.length > 0 ? feedbackFor(status, issues) : undefined),
    ...(status === 'conflict' ? { hint: CONFLICT_HINTS[request.seedIsTarget ? 'target' : 'elsewhere'] } : {}),
  });
  const prepared = await commit(request);
  if (prepared.conflicts.length > 0) return report('conflict', prepared.conflicts);
  let allow: string[] = [];
  if (hooks.approve) {
    const { flagged } = prepared;
    const { withSeed = false } = prepared;
    const shown = { iteration, branch, target, changes, withSeed, flagged, diff: () => prepared.diff(), signal };
    const given = checkResult<Approval>('approve', await hooks.approve(shown), approvalSchema);
    const answer = typeof given === 'boolean' ? { approve: given } : given;
    if (!answer.approve) return report('declined', [], answer.feedback ?? 'the commit was declined');
    allow = answer.allow ?? [];
  }
  hooks.beforeApply();
  try {
    const { historyProblem } = (await prepared.apply({ allow, signal })) ?? {};
    return {
      ...report('committed'),
      ...(prepared.withSeed ? { withSeed: true } : {}),
      ...(historyProblem === undefined ? {} : { historyProblem }),
    };
  } catch (error) {
    const status = error instanceof RipcordError ? REFUSALS[error.code] : undefined;
    if (!status) throw error;
    const issues = { conflict: prepared.conflicts, flagged: prepared.flagged, refused: prepared.refused }[status];
    return report(status, issues.length > 0 ? issues : [{ path: target, reason: messageOf(error) }]);
  }
}

const CONFLICT_HINTS = {
  target: 'The target changed since the run began: run it again on the files as they are now.',
  elsewhere:
    'The target has other files than the seed: name a target that is empty or does not exist, or leave out seed, so that the run begins with the files of the target.',
};

/** Error codes of a commit that wrote nothing because of the branch's files: they reject the branch and do not end the run. */
const REFUSALS: Record<string, 'conflict' | 'flagged' | 'refused'> = {
  'commit-conflict': 'conflict',
  'commit-flagged': 'flagged',
  'commit-refused': 'refused',
};

function feedbackFor(status: CommitStatus, issues: readonly CommitIssue[]): string {
  return `the commit was not made (${status}): ${listIssues(issues)}`;
}

/** Returns the first ten issues as one line. */
export function listIssues(issues: readonly CommitIssue[]): string {
  const listed = issues.slice(0, 10).map(({ path, reason }) => `${path}: ${reason}`);
  return listed.join('; ') + (issues.length > 10 ? `, and ${issues.length - 10} more` : '');
}
