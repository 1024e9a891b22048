/**
 * Runs the tournament: for every HumanEval problem several branches compete, one with the solution and the others with
 * variants that are wrong, slow, greedy, cheating or hostile. The problem's tests decide, and the winner is committed.
 */
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { makeDirectories } from '../../base/make-directories.js';
import { Semaphore } from '../../base/semaphore.js';
import { isClean } from '../../cleanup/receipt.js';
import { hostPath } from '../../sandbox/home-path.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import type { GlobalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import type { Interrupt } from '../interrupt.js';
import { parseCount } from '../parse.js';
import { withManager } from '../session.js';
import { BranchView } from '../terminal/branch-view.js';
import { formatMs } from '../terminal/format.js';
import { inParallel } from './humaneval/campaign.js';
import { type Problem, readProblems } from './humaneval/problems.js';
import { addJobOptions, type JobFlags } from './options.js';
import { type ContestResult, contest } from './tournament/contest.js';
import { lineUpOf, MAX_LINE_UP } from './tournament/line-up.js';
import { readMutations } from './tournament/mutations.js';
import { impostorRows, renderTournament, resultLine, type TournamentReport } from './tournament/report.js';

export interface TournamentFlags extends JobFlags {
  branches: number;
  iterations: number;
  out: string;
  seed?: number;
}

const DEFAULT_BRANCHES = 4;
const DEFAULT_TIMEOUT_MS = 10_000;

/** Adds this job's summary, options and help to a command. */
export function addTournamentOptions(command: Command): Command {
  command
    .summary('let branches compete for the HumanEval problems; every cheat must lose')
    .description(
      'Lets several branches compete for each of the 164 HumanEval problems, each in its own sandbox: one has the solution, ' +
        'the others variants of it that are wrong, slow, crashing, greedy, cheating or hostile. The tests decide from ' +
        'outside the code they judge; the winner is committed to a directory. The report shows who won, why the others ' +
        'lost, and that nothing is left behind.',
    )
    .option('--branches <count>', 'number of branches that compete at once for a problem', parseCount, DEFAULT_BRANCHES)
    .option(
      '--iterations <count>',
      'maximum number of iterations for a problem; each tries strategies that have not failed before',
      parseCount,
      1,
    );
  return addJobOptions(command, 'the tests of one branch', DEFAULT_TIMEOUT_MS)
    .option('--out <directory>', 'directory that the winners are committed to', hostPath, 'out')
    .option('--seed <number>', 'number that repeats the line-ups of an earlier tournament', parseCount)
    .option('--json', 'print one JSON document, with every verdict')
    .addHelpText(
      'after',
      examples([
        ['ripcord tournament', 'all 164'],
        ['ripcord tournament --limit 8', 'the first eight'],
        ['ripcord tournament --branches 2 --iterations 4', 'failed strategies are not tried again'],
        ["ripcord tournament --json | jq '.results[].wrong'", 'the wrong decisions'],
      ]),
    );
}

/** Runs the job. A signal ends it early; the report then has the results so far. @returns the exit code */
export async function tournament(flags: TournamentFlags & GlobalOptions, interrupt: Interrupt): Promise<number> {
  const { concurrency, branches, iterations, image, json } = flags;
  const out = resolve(flags.out);
  const seed = flags.seed ?? randomInt(1, 1_000_000);
  const problems = await readProblems(flags.limit);
  await makeDirectories(out);
  if (!json) {
    process.stderr.write(
      `HumanEval tournament: ${problems.length} problems, ${branches} branches each, ${concurrency} sandboxes at once\n`,
    );
  }
  const results: ContestResult[] = [];
  const startedAt = performance.now();
  let firstDecisionMs: number | undefined;
  let durationMs = 0;
  using view = new BranchView(() => footer(results, problems.length, startedAt));
  const { receipt } = await withManager(flags, interrupt, async (manager) => {
    try {
      await compete(manager, problems, { ...flags, out, seed }, interrupt.signal, view, (result) => {
        results.push(result);
        if (result.decided) firstDecisionMs ??= performance.now() - startedAt;
        if (!json) view.print(resultLine(result));
      });
    } finally {
      durationMs = performance.now() - startedAt;
    }
  });
  view[Symbol.dispose]();
  const decided = results.filter((result) => result.decided);
  const sandboxes = results.reduce((sum, result) => sum + result.sandboxes, 0);
  const report: TournamentReport = {
    problems: problems.length,
    decided: decided.length,
    right: results.filter((result) => result.right).length,
    branches,
    iterations,
    seed,
    image,
    concurrency,
    out: flags.out,
    durationMs,
    firstDecisionMs,
    sandboxes,
    sandboxesPerSecond: sandboxes / (durationMs / 1000),
    interrupted: interrupt.cause,
    wonInIteration: Array.from(
      { length: iterations },
      (_, index) => results.filter(({ winner }) => winner?.iteration === index + 1).length,
    ),
    impostors: impostorRows(results),
    results,
    receipt,
  };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `\n${renderTournament(report)}`);
  if (interrupt.exitCode !== undefined) return interrupt.exitCode;
  return report.right === problems.length && isClean(receipt) ? ExitCode.OK : ExitCode.FAILED;
}

/** Runs as many problems at once as it takes to use all sandbox slots. */
async function compete(
  manager: SandboxManager,
  problems: readonly Problem[],
  flags: TournamentFlags & { seed: number },
  signal: AbortSignal,
  view: BranchView,
  onResult: (result: ContestResult) => void,
): Promise<void> {
  const { concurrency, branches, iterations, image, out, seed, timeout: timeoutMs } = flags;
  const mutations = await readMutations();
  const slots = new Semaphore(concurrency);
  const size = Math.min(branches * iterations, MAX_LINE_UP);
  await inParallel(
    problems.entries(),
    Math.ceil(concurrency / branches) + 1,
    signal,
    async ([index, problem], stop) => {
      const title = problem.task_id.replace('HumanEval/', '#');
      onResult(
        await contest(manager, problem, mutations.get(problem.task_id)!, lineUpOf(index, size, seed), {
        image, branches, iterations, timeoutMs, out, slots, signal: stop,
        onEvent: (event) => view.follow(event, title),
      }), // biome-ignore format: a table
      );
    },
  );
}

function footer(results: readonly ContestResult[], total: number, startedAt: number): string {
  const wrong = results.filter(({ decided, right }) => decided && !right).length;
  const time = formatMs(performance.now() - startedAt);
  return `${results.length}/${total} decided${wrong > 0 ? `, ${wrong} wrong` : ''}, ${time}`;
}
