import { type Command, Option } from 'commander';
import { InvalidOptionsError } from '../../base/errors.js';
import { safeLine, safeText, showControls } from '../../base/harmless-text.js';
import { describeLeft, isClean, type Receipt } from '../../cleanup/receipt.js';
import type { Approve, CommitReport } from '../../executor/commit/commit-types.js';
import { describe } from '../../executor/describe.js';
import type { RunEvent } from '../../executor/events.js';
import { IterationExecutor } from '../../executor/iteration-executor.js';
import { type RecordedRun, readRun } from '../../executor/record/read-run.js';
import { reasonOf } from '../../executor/run/defaults.js';
import type { BranchReport, RunResult, RunStatus, VerificationLike } from '../../executor/types.js';
import { hostPath } from '../../sandbox/home-path.js';
import { exactPattern } from '../../workspace/ignore-pattern.js';
import { type CliContext, type GlobalOptions, globalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { parseCount, parseDuration } from '../parse.js';
import { withManager } from '../session.js';
import { loadSpec, type Spec } from '../spec/load-spec.js';
import { ask } from '../terminal/ask.js';
import { BranchView } from '../terminal/branch-view.js';
import { formatMs } from '../terminal/format.js';
import { paint } from '../terminal/paint.js';

interface IterateFlags {
  task?: string;
  target?: string;
  iterations?: number;
  branches?: number;
  approve?: boolean;
  commit: boolean;
  timeout?: number;
  record?: string;
  resume?: string;
  json?: boolean;
}

type Result = RunResult<unknown, unknown, unknown, VerificationLike>;

const EXIT_CODES: Record<RunStatus, number> = {
  accepted: ExitCode.OK,
  exhausted: ExitCode.FAILED,
  timeout: ExitCode.TIMEOUT,
  aborted: ExitCode.RIPCORD,
};

/** Adds `ripcord iterate`, which runs the loop of a spec. */
export function addIterate(program: Command, context: CliContext): void {
  const command = program.command('iterate');
  command
    .summary('run a loop of your own: branches propose, tests decide, the winner is committed')
    .description(
      'Runs the task of a spec. In each iteration several branches propose a change, each in its own sandbox. Their ' +
        'results are verified, and the best that passes is committed to the target directory: all of its changes or none. ' +
        'Failed strategies are remembered for the next iteration. A spec is a TypeScript or JavaScript module that exports ' +
        '`task` and `options`, or a JSON document. The module runs on this machine; proposed code runs only in sandboxes.',
    )
    .argument('<spec>', 'path of the spec: a .ts, .mjs, .js or .json file', hostPath)
    .option('--task <text>', "task to use instead of the spec's own")
    .option('--target <directory>', 'directory that the winner is committed to', hostPath)
    .option('--iterations <count>', 'maximum number of iterations', parseCount)
    .option('--branches <count>', 'number of branches per iteration', parseCount)
    .option('--approve', 'show the diff and ask before anything is committed; q stops the run')
    .option('--no-commit', 'commit nothing')
    .addOption(new Option('-t, --timeout <time>', 'time limit for the whole run: 90s, 10m …').argParser(parseDuration))
    .option('--record <directory>', 'write a record of the run to this directory, to read or to resume it', hostPath)
    .option('--resume <directory>', 'resume a recorded run after its last complete iteration', hostPath)
    .option('--json', 'print the result as one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord iterate examples/repair/spec.mjs', 'repair a project with failing tests'],
        ['ripcord iterate spec.json --approve', 'look at the diff first'],
        ['ripcord iterate spec.ts --record runs/1', 'then, after a crash: --resume runs/1'],
      ]),
    )
    .action(async (file: string, flags: IterateFlags) => {
      context.exitCode = await iterate(file, { ...flags, ...globalOptions(command) }, context);
    });
}

async function iterate(file: string, flags: IterateFlags & GlobalOptions, { interrupt }: CliContext): Promise<number> {
  if (flags.approve && !process.stdin.isTTY) {
    throw new InvalidOptionsError('--approve: stdin is not a terminal, so the question cannot be answered');
  }
  const spec = await loadSpec(file);
  const recorded = flags.resume === undefined ? undefined : await readRun(flags.resume);
  if (recorded?.status === 'accepted') return reportFinished(recorded, flags);
  using view = new BranchView();
  const show = (event: RunEvent): void => {
    view.follow(event);
    const line = flags.json ? undefined : lineOf(event);
    if (line !== undefined) view.print(line);
  };
  const stop = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, stop.signal]);
  const options = withFlags(spec, flags, view, stop);
  const { value, receipt } = await withManager(flags, interrupt, (manager) =>
    new IterationExecutor(manager, options).run(flags.task ?? recorded?.task ?? spec.task, {
      signal,
      onEvent: show,
      resume: recorded?.state,
      runDirectory: flags.record ?? flags.resume,
    }),
  );
  view[Symbol.dispose]();
  if (value) report(value, receipt, flags);
  if (interrupt.exitCode !== undefined) return interrupt.exitCode;
  // The user answered q after the diff: no branch was accepted.
  if (stop.signal.aborted) return ExitCode.FAILED;
  return value && isClean(receipt) ? EXIT_CODES[value.status] : ExitCode.FAILED;
}

/** Reports a run that was accepted before: a success. */
function reportFinished({ run, status, finalOutput, iterations }: RecordedRun, flags: IterateFlags): number {
  if (flags.json) process.stdout.write(`${JSON.stringify({ run, status, finalOutput, iterations })}\n`);
  else process.stdout.write(`accepted before: nothing is left to do. ${safeText(finalOutput ?? '')}\n`);
  return ExitCode.OK;
}

function withFlags({ options }: Spec, flags: IterateFlags, view: BranchView, stop: AbortController): Spec['options'] {
  return {
    ...options,
    ...(flags.target !== undefined && { target: flags.target }),
    ...(flags.iterations !== undefined && { maxIterations: flags.iterations }),
    ...(flags.branches !== undefined && { branches: flags.branches }),
    ...(flags.timeout !== undefined && { timeouts: { ...options.timeouts, totalMs: flags.timeout } }),
    ...(flags.approve && { commitMode: 'manual', approve: askFor(view, stop) }),
    ...(!flags.commit && { commitMode: 'never' }),
  };
}

/** Shows the diff and asks on the terminal. `q` stops the run. */
const askFor =
  (view: BranchView, stop: AbortController): Approve =>
  async ({ branch, target, withSeed, flagged, diff, signal }) => {
    view.print(showControls(await diff(), '\n\t').trimEnd());
    if (withSeed) view.print(`${safeLine(target)} is empty: it receives the files of the seed, too`);
    for (const { path, reason } of flagged) view.print(`flagged: ${safeLine(path)}: ${reason}`);
    view.print('y commits, n goes on without this commit, q stops the run');
    const what = flagged.length > 0 ? 'all of it, the flagged files too,' : 'this';
    // Ctrl+D gives an empty answer, which declines.
    const answer = await ask(`Commit ${what} to ${safeLine(target)}? [y/N] `, signal);
    if (/^q(uit)?$/i.test(answer)) stop.abort(new Error('stopped at the question'));
    signal.throwIfAborted();
    if (!/^y(es)?$/i.test(answer)) return { approve: false, feedback: `branch ${branch} was declined` };
    return { approve: true, allow: flagged.map(({ path }) => exactPattern(path)) };
  };

/** Returns the line that stays on the screen after an event. */
function lineOf(event: RunEvent): string | undefined {
  const { bold, dim, red, green } = paint(process.stdout);
  switch (event.type) {
    case 'iteration.started':
      return bold(`iteration ${event.iteration}`);
    case 'branch.ended':
      return `  ${branchLine(event.report)}`;
    case 'decision':
      return event.decision.accept === undefined
        ? `  ${dim('no branch was accepted')}`
        : `  ${green(`branch ${event.decision.accept} was accepted`)}`;
    case 'commit.ended':
      if (event.commit.historyProblem !== undefined) {
        return `  ${dim(`the history of commits could not be kept: ${safeLine(event.commit.historyProblem)}`)}`;
      }
      return event.commit.status === 'committed' ? undefined : `  ${notCommitted(event.commit)}`;
    case 'error':
      // The event `branch.ended` reports the error of a branch.
      return event.branch !== undefined
        ? undefined
        : `  ${red(`error in ${event.phase}`)}: ${safeLine(event.error.message, 500)}`;
    case 'log':
      return `  ${dim(`${event.branch === undefined ? '' : `branch ${event.branch}: `}${safeLine(event.message, 500)}`)}`;
    default:
      return undefined;
  }
}

function notCommitted({ status, issues, hint }: CommitReport): string {
  const { dim, red } = paint(process.stdout);
  const listed = issues.map(({ path, reason }) => `\n    ${safeLine(path)}: ${safeLine(reason)}`);
  return `${red(`commit ${status}`)}${listed.join('')}${hint === undefined ? '' : `\n    ${dim(`hint: ${hint}`)}`}`;
}

function branchLine(report: BranchReport<unknown, unknown, unknown>): string {
  const { dim, red, green } = paint(process.stdout);
  const { branch, strategy, status, durationMs } = report;
  const colour = status === 'passed' ? green : red;
  const reason = reasonOf(report as BranchReport<unknown, unknown, VerificationLike>);
  const name = safeLine(describe(strategy), 60);
  // A strategy without a name is described by the name of its branch.
  const what = name === `branch ${branch}` ? name : `branch ${branch} ${name}`;
  return `${what}: ${colour(status)} ${dim(formatMs(durationMs))}  ${safeLine(reason, 300)}`;
}

function report(result: Result, receipt: Receipt, flags: IterateFlags): void {
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ...result, receipt })}\n`);
    return;
  }
  const { bold, green, red } = paint(process.stdout);
  const colour = result.status === 'accepted' ? green : red;
  process.stdout.write(
    `\n${bold(colour(result.status))} in ${formatMs(result.durationMs)}: ${safeText(result.finalOutput)}\n`,
  );
  if (result.abort && (flags.record ?? flags.resume)) note(`go on with --resume ${flags.record ?? flags.resume}`);
  process.stdout.write(`${receipt.sandboxes} sandboxes; left behind: ${describeLeft(receipt)}\n`);
}
