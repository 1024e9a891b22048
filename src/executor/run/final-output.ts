/** The result of a run as text. */
import { summarizeChanges } from '../../workspace/diff.js';
import { listIssues } from '../commit/commit-step.js';
import type { CommitReport } from '../commit/commit-types.js';
import { describe } from '../describe.js';
import type { IterationReport, RunResult, VerificationLike } from '../types.js';
import { reasonOf } from './defaults.js';

export function finalOutput<T, S, P, V extends VerificationLike>(
  result: RunResult<T, S, P, V>,
  maxIterations: number,
): string {
  const { status, winner, commit, lastIteration } = result;
  if (status === 'accepted' && winner) {
    const made = commit?.status === 'committed' ? ` Committed to ${committedText(commit)}.` : '';
    return `Accepted ${describe(winner.strategy)} in iteration ${winner.iteration}: ${reasonOf(winner)}.${made}`;
  }
  if (status === 'exhausted') {
    const began = uncommittedBranch(lastIteration) ?? `No branch was accepted in ${maxIterations} iterations.`;
    return `${began} ${lastIteration ? outcomeOf(lastIteration) : ''}`.trim();
  }
  const what = status === 'timeout' ? 'Timed out' : 'Aborted';
  const when = lastIteration
    ? `after iteration ${lastIteration.iteration}. ${outcomeOf(lastIteration)}`
    : 'before the first iteration was complete.';
  return `${what} (${result.abort?.reason ?? 'no reason given'}) ${when}`;
}

const committedText = ({ target, withSeed, changes }: CommitReport): string =>
  `${target}${withSeed ? ', with the files of the seed' : ''}: ${summarizeChanges(changes)}`;

/** Returns why the accepted branch of the last iteration is not the winner. Undefined if none was accepted. */
function uncommittedBranch<S, P, V>(iteration: IterationReport<S, P, V> | undefined): string | undefined {
  const { decision, commit, branches = [] } = iteration ?? {};
  const branch = branches.find((one) => one.branch === decision?.accept);
  if (branch === undefined || commit === undefined) return undefined;
  const { status, issues, feedback, hint } = commit;
  const why = issues.length > 0 ? listIssues(issues).slice(0, 2000) : feedback;
  const what = `${describe(branch.strategy)} was accepted and ${status === 'declined' ? 'not committed' : 'could not be committed'}`;
  return `${what} (${status})${why ? `: ${why}` : ''}.${hint ? ` ${hint}` : ''}`;
}

/** Returns the result of an iteration: the outcome of each branch, or the errors of an iteration without branches. */
function outcomeOf<S, P, V extends VerificationLike>(iteration: IterationReport<S, P, V>): string {
  if (iteration.branches.length === 0)
    return `Its result: ${iteration.errors.map(({ message }) => message).join('; ')}`;
  return `Its result: ${iteration.branches
    .map((branch) => `${describe(branch.strategy)} ${branch.status} (${reasonOf(branch)})`)
    .join('; ')
    .slice(0, 2000)}`;
}
