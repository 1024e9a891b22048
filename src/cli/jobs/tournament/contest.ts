/** One problem of the tournament: branches compete with variants of its solution until one is accepted. */
import { type ErrorCode, RipcordError } from '../../../base/errors.js';
import type { Semaphore } from '../../../base/semaphore.js';
import type { RunEvent } from '../../../executor/events.js';
import { IterationExecutor } from '../../../executor/iteration-executor.js';
import type { BranchReport, NamedStrategy, RunResult } from '../../../executor/types.js';
import type { SandboxManager } from '../../../sandbox/sandbox-manager.js';
import { runTests } from '../../../verify/run-tests.js';
import type { TestReport } from '../../../verify/test-report.js';
import { HOPELESS } from '../humaneval/judge.js';
import type { Problem } from '../humaneval/problems.js';
import type { Mutation } from './mutations.js';
import { BY_NAME, SOLUTION, type Variant } from './variants.js';

interface ContestOptions {
  image: string;
  branches: number;
  iterations: number;
  timeoutMs: number;
  /** Where winners are committed to; it exists. */
  out: string;
  slots: Semaphore;
  signal: AbortSignal;
  onEvent(event: RunEvent): void;
}

/** How one branch fared. */
export interface Entry {
  iteration: number;
  branch: number;
  name: string;
  kind: Variant['kind'];
  passed: boolean;
  /** `passed`, `wrong answer`, an exception's name, or how the code under test ended: `timeout`, `oom`, `exit 0` … */
  outcome: string;
  /** What verification says, in a line. */
  reason: string;
  /** The verdict is right, and for the right reason. */
  right: boolean;
}

export interface ContestResult {
  task: string;
  /** False when it was interrupted before it was decided. */
  decided: boolean;
  /** The solution won and was committed, everything else lost, and each for its own reason. */
  right: boolean;
  /** What is not right. */
  wrong: string[];
  winner: Entry | undefined;
  entries: Entry[];
  /** The file the winner was committed to. */
  file: string;
  iterations: number;
  sandboxes: number;
  durationMs: number;
}

type Result = RunResult<Problem, NamedStrategy, string, TestReport>;
type Branch = BranchReport<NamedStrategy, string, TestReport>;

/** Python programs in a sandbox that has to survive them; small, so that their limits are reached soon. */
const LIMITS = { memory: '256m', pids: 64, workspace: '32m' };

/**
 * @param lineUp The strategies in the order they are tried; the solution is one of them.
 * @throws RipcordError where going on makes no sense.
 */
export async function contest(
  manager: SandboxManager,
  problem: Problem,
  mutation: Mutation,
  lineUp: readonly NamedStrategy[],
  options: ContestOptions,
): Promise<ContestResult> {
  const { image, branches, iterations, timeoutMs, out, slots, signal, onEvent } = options;
  const module = problem.task_id.replace('/', '_');
  const file = `${module}.py`;
  const executor = new IterationExecutor<Problem, NamedStrategy, string, TestReport>(manager, {
    branches,
    maxIterations: iterations,
    sandbox: { image, limits: LIMITS },
    // A proposal is a file and nothing has run beside it: a second sandbox would be no fresher.
    verifyIn: 'same',
    target: out,
    seed: { from: out, ignore: ['/*', `!/${file}`] },
    output: 'live',
    strategize: ({ memory }) => lineUp.filter((strategy) => !memory.hasFailed(strategy)).slice(0, branches),
    propose: async ({ strategy, sandbox }) => {
      const source = BY_NAME.get(strategy.name)!.source(problem, mutation);
      await sandbox.files.write(file, source);
      return source;
    },
    verify: ({ sandbox, signal: stepSignal }) =>
      runTests(sandbox, {
        kind: 'calls',
        module,
        functions: [problem.entry_point],
        // The problem's own helpers, out of the reach of what is judged.
        setup: problem.prompt,
        tests: problem.test,
        timeoutMs,
        signal: stepSignal,
      }),
  });
  const result = await executor.run(problem, { signal, slots, onEvent });
  const hopeless = result.iterations.flatMap((iteration) => iteration.branches).find(isHopeless)?.error;
  if (hopeless && !signal.aborted) throw new RipcordError(hopeless.code as ErrorCode, hopeless.message);
  return resultOf(problem, file, result);
}

const isHopeless = ({ error }: Branch): boolean => error !== undefined && HOPELESS.has(error.code);

function resultOf(problem: Problem, file: string, result: Result): ContestResult {
  const entries = result.iterations.flatMap(({ branches }) => branches.map(entryOf));
  const winner = result.winner && entryOf(result.winner);
  const wrong = entries.filter((entry) => !entry.right).map((entry) => `${entry.name}: ${entry.reason}`);
  const decided = result.status === 'accepted' || result.status === 'exhausted';
  const tried = entries.some(({ name }) => name === SOLUTION.name);
  if (winner ? winner.name !== SOLUTION.name : tried) wrong.unshift(`${winner?.name ?? 'nobody'} won`);
  if (winner && !['committed', undefined].includes(result.commit?.status)) {
    wrong.push(`commit ${result.commit?.status}: ${result.commit?.issues.map(({ reason }) => reason).join('; ')}`);
  }
  if (!winner && decided) wrong.push('the solution was not among those tried');
  return {
    task: problem.task_id,
    decided,
    right: decided && wrong.length === 0,
    wrong,
    winner,
    entries,
    file,
    iterations: result.iterations.length,
    sandboxes: result.receipts.length,
    durationMs: result.durationMs,
  };
}

function entryOf(report: Branch): Entry {
  const { name, kind, reason: expected } = BY_NAME.get(report.strategy.name)!;
  const { iteration, branch, verification } = report;
  const passed = report.status === 'passed';
  const reason = verification?.reason ?? report.error?.message ?? report.status;
  const right = passed === (name === SOLUTION.name) && verification !== undefined && expected.test(reason);
  return { iteration, branch, name, kind, passed, outcome: outcomeOf(report), reason, right };
}

function outcomeOf({ status, verification }: Branch): string {
  if (status === 'passed' || !verification) return status;
  const { ended, tests } = verification;
  if (ended) {
    if (ended.outcome === 'exited') return `exit ${ended.exitCode}`;
    return ended.outcome === 'signaled' ? (ended.signal ?? 'signaled') : ended.outcome;
  }
  const bad = tests.find((test) => test.status !== 'passed');
  if (bad?.status === 'failed') return 'wrong answer';
  return /^\w+(?=:)/.exec(bad?.message ?? '')?.[0] ?? 'error';
}
