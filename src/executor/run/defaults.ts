/** Default functions of the loop, used for those that the caller does not provide. */
import { describe } from '../describe.js';
import type {
  BranchReport,
  DecideContext,
  Decision,
  NamedStrategy,
  RememberContext,
  VerificationLike,
} from '../types.js';

/** Returns strategies called `branch 1`, `branch 2` and so on. */
export function defaultStrategies(branches: number): NamedStrategy[] {
  return Array.from({ length: branches }, (_, index) => ({ name: `branch ${index + 1}` }));
}

/** Accepts the branch that passed with the highest score, the first of equals. If none passed, every reason becomes feedback. */
export function defaultDecision<T, S, P, V extends VerificationLike>({
  branches,
}: DecideContext<T, S, P, V>): Decision {
  const best = bestOf(branches.filter(({ status }) => status === 'passed'));
  if (best) return { accept: best.branch, reason: best.verification?.reason ?? 'passed verification' };
  return { feedback: branches.map((branch) => `${describe(branch.strategy)}: ${reasonOf(branch)}`).join('\n') };
}

/** Records a lesson for each branch. */
export function defaultMemory<T, S, P, V extends VerificationLike>(context: RememberContext<T, S, P, V>): void {
  for (const branch of context.branches) {
    if (branch.status === 'aborted') continue;
    const { iteration, strategy, status: outcome } = branch;
    context.memory.learn({ iteration, branch: branch.branch, strategy, outcome, reason: reasonOf(branch) });
  }
}

/** Returns the reason for the result of a branch. */
export function reasonOf<V extends VerificationLike>(branch: BranchReport<unknown, unknown, V>): string {
  if (branch.error) return branch.error.message;
  return branch.verification?.reason ?? (branch.status === 'passed' ? 'passed' : 'did not pass');
}

/** Returns the branch with the highest score, the first of equals. A branch without a score ranks last. */
export function bestOf<B extends BranchReport<unknown, unknown, VerificationLike>>(
  branches: readonly B[],
): B | undefined {
  const score = (branch: B) => branch.verification?.score ?? Number.NEGATIVE_INFINITY;
  return branches.reduce<B | undefined>(
    (best, branch) => (best && score(best) >= score(branch) ? best : branch),
    undefined,
  );
}
