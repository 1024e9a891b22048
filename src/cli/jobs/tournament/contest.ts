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
  /** Existing directory that winners are committed to. */
  out: string;
  slots: Semaphore;
  signal: AbortSignal;
  onEvent(event: RunEvent): void;
}

/** Result of one branch. */
export interface Entry {
  iteration: number;
  branch: number;
  name: string;
  kind: Variant['kind'];
  passed: boolean;
  /** `passed`, `wrong answer`, an exception's name, or how the code under test ended: `timeout`, `oom`, `exit 0` … */
  outcome: string;
  /** Reason of the verification, in one line. */
  reason: string;
  /** True if the verdict is right, and for the right reason. */
  right: boolean;
}

export interface ContestResult {
  task: string;
  /** False if the contest was interrupted before it was decided. */
  decided: boolean;
  /** True if the solution won and was committed, and every impostor lost for its expected reason. */
  right: boolean;
  /** Problems: wrong verdicts, a wrong winner, a failed commit. */
  wrong: string[];
  winner: Entry | undefined;
  entries: Entry[];
  /** File that the winner was committed to. */
  file: string;
  iterations: number;
  sandboxes: number;
  durationMs: number;
}

type Result = RunResult<Problem, NamedStrategy, string, TestReport>;
type Branch = BranchReport<NamedStrategy, string, TestReport>;

/** Limits of the sandboxes. They are small, so that hostile programs reach them soon. */
const LIMITS = { memory: '256m', pids: 64, workspace: '32m' };

/**
 * Runs the contest for one problem.
 * @param lineUp Strategies in the order they are tried. The solution is one of them.
 * @throws RipcordError with a code of {@link HOPELESS}
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
    // A proposal writes a file and runs nothing, so a second sandbox would not be fresher.
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
        // Helper functions of the problem, which the judged code cannot reach.
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
