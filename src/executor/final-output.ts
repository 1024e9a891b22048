/** What came of a run, in words. */
import { summarizeChanges } from '../workspace/diff.js';
import { reasonOf } from './defaults.js';
import { describe } from './describe.js';
import type { IterationReport, RunResult, VerificationLike } from './types.js';

export function finalOutput<T, S, P, V extends VerificationLike>(
  result: RunResult<T, S, P, V>,
  maxIterations: number,
): string {
  const { status, winner, commit, lastIteration } = result;
  if (status === 'accepted' && winner) {
    const made =
      commit?.status === 'committed' ? ` Committed to ${commit.target}: ${summarizeChanges(commit.changes)}.` : '';
    return `Accepted ${describe(winner.strategy)} in iteration ${winner.iteration}: ${reasonOf(winner)}.${made}`;
  }
  if (status === 'exhausted') {
    return `No branch was accepted in ${maxIterations} iterations. ${lastIteration ? outcomeOf(lastIteration) : ''}`.trim();
  }
  const what = status === 'timeout' ? 'Timed out' : 'Aborted';
  const when = lastIteration
    ? `after iteration ${lastIteration.iteration}. ${outcomeOf(lastIteration)}`
    : 'before the first iteration was complete.';
  return `${what} (${result.abort?.reason ?? 'no reason given'}) ${when}`;
}

/** The last complete iteration's result: what was best so far. */
function outcomeOf<S, P, V extends VerificationLike>(iteration: IterationReport<S, P, V>): string {
  if (iteration.branches.length === 0)
    return `Its result: ${iteration.errors.map(({ message }) => message).join('; ')}`;
  return `Its result: ${iteration.branches
    .map((branch) => `${describe(branch.strategy)} ${branch.status} (${reasonOf(branch)})`)
    .join('; ')
    .slice(0, 2000)}`;
}
