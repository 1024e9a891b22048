import { realpathSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { InvalidOptionsError } from '../../base/errors.js';
import { safeLine } from '../../base/harmless-text.js';
import { applyCommit, type CommitReceipt } from '../../commit/apply.js';
import type { CommitPlan } from '../../commit/plan.js';
import { type Recovery, recoverCommit } from '../../commit/recover.js';
import { sortFlags } from '../../commit/review/allowed-flags.js';
import type { FlagRule } from '../../commit/review/flags.js';
import { FLAG_RULES } from '../../commit/review/obeyed-files.js';
import { hostPath } from '../../sandbox/home-path.js';
import { summarizeChanges } from '../../workspace/diff.js';
import { mayDelete } from '../commit/deletions.js';
import { noteIgnored } from '../commit/note-ignored.js';
import { readPlan } from '../commit/read-plan.js';
import type { CliContext } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';

interface ApplyFlags {
  to: string;
  partial?: boolean;
  delete?: boolean;
  yes?: boolean;
  gitignore: boolean;
  defaultIgnores: boolean;
  allowFile: string[];
  /** Former name of `allowFile`. */
  allow: string[];
  allowRule: FlagRule[];
  skipRefused?: boolean;
  dryRun?: boolean;
  recover?: boolean;
  json?: boolean;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

/** Adds `ripcord apply`, which applies the changes of a sandbox to a directory: all of them or none. */
export function addApply(program: Command, context: CliContext): void {
  program
    .command('apply')
    .summary('apply the changes of a sandbox to a directory: all of them or none')
    .description(
      'Applies the changes between two directories, or the changes of a saved plan, to a third directory: all of them or ' +
        'none. It writes nothing if a file there changed meanwhile, if a change leads out of the directory, or if a file ' +
        'that can run programs on this machine would change and is not allowed by name. It deletes only paths that the ' +
        'mark beside a result of run --out lists as deleted; --delete deletes all paths that the result lacks. On a ' +
        'terminal it asks before it deletes. If apply is killed, the next apply or --recover restores the former state. ' +
        'The history of commits is kept outside the directory, in $XDG_STATE_HOME/ripcord/commits (default: ' +
        '~/.local/state/ripcord/commits).',
    )
    .argument('[seed|plan]', 'directory before the changes, or a plan that ripcord diff --save wrote', hostPath)
    .argument('[result]', 'directory after the changes', hostPath)
    .requiredOption('--to <directory>', 'directory to change', hostPath)
    .option('--delete', 'treat the result as complete: delete files that it lacks')
    .option('--partial', 'delete nothing, not even paths that the mark beside the result lists')
    .option('-y, --yes', 'delete without asking')
    .option('--no-gitignore', "include new files that the seed's .gitignore files match")
    .option('--no-default-ignores', 'include new caches and dependency trees: __pycache__, node_modules, .venv …')
    .option(
      '--allow-file <pattern>',
      'pattern of flagged files to write, in .gitignore syntax: /go.sh, .envrc, .github/; repeatable',
      collect,
      [],
    )
    .addOption(new Option('--allow <pattern>', 'former name of --allow-file').argParser(collect).default([]).hideHelp())
    .option('--allow-rule <rule>', `kind of flagged files to write: ${FLAG_RULES.join(', ')}; repeatable`, collect, [])
    .option('--skip-refused', 'leave out refused changes, and flagged files that are not allowed, instead of failing')
    .option('-n, --dry-run', 'print the changes without making them')
    .option('--recover', 'undo or complete an apply that was killed, and change nothing else')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord apply . result --to .', 'the changes of ripcord run --seed . --out result'],
        ['ripcord apply before after --to . --delete', 'the changes from before to after'],
        ['ripcord apply plan.json --to . --dry-run', 'check whether it would work'],
        ["ripcord apply plan.json --to . --allow-file '.github/'", 'with changed workflows'],
        ['ripcord apply --recover --to .', 'after a crash'],
      ]),
    )
    .action(async (first: string | undefined, result: string | undefined, flags: ApplyFlags) => {
      context.exitCode = await apply(first, result, flags, context.interrupt.signal);
    });
}

async function apply(
  first: string | undefined,
  result: string | undefined,
  flags: ApplyFlags,
  signal: AbortSignal,
): Promise<number> {
  if (flags.recover) return report(await recoverCommit(flags.to, { signal }), flags, printRecovery);
  if (first === undefined)
    throw new InvalidOptionsError('apply: nothing to apply', { hint: 'Name two directories, or a plan.' });
  const sources = { first, result, target: flags.to, trustMark: true };
  let read = await readPlan(sources, flags, signal);
  if (result !== undefined && !read.isMarked && sameDirectory(first, flags.to)) {
    note('the directory before is the target itself: changes made to it since the sandbox began cannot be detected');
  }
  if (!(await mayDelete(read, flags, signal))) read = await readPlan(sources, flags, signal, false);
  const { plan } = read;
  if (!flags.dryRun && !flags.json) noteIgnored(plan);
  if (flags.dryRun) {
    report(plan, flags, printPlan);
    return (await isInTheWay(plan, flags)) ? ExitCode.FAILED : ExitCode.OK;
  }
  const receipt = await applyCommit(plan, {
    ...allowanceOf(flags),
    onRefused: flags.skipRefused ? 'report' : 'throw',
    onFlagged: flags.skipRefused ? 'report' : 'throw',
    signal,
  });
  return report(receipt, flags, printReceipt);
}

const allowanceOf = ({ allow, allowFile, allowRule }: ApplyFlags) => ({
  allow: [...allowFile, ...allow],
  allowRules: allowRule,
});

async function isInTheWay(plan: CommitPlan, flags: ApplyFlags): Promise<boolean> {
  if (plan.conflicts.length > 0) return true;
  if (flags.skipRefused) return false;
  if (plan.refused.length > 0) return true;
  const { others } = await sortFlags(plan.flagged, allowanceOf(flags));
  return others.length > 0;
}

function report<T>(value: T, flags: ApplyFlags, print: (value: T) => void): number {
  if (flags.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  else print(value);
  return ExitCode.OK;
}

function printPlan(plan: CommitPlan): void {
  for (const { change, path } of plan.changes) process.stdout.write(`${change.padEnd(12)} ${safeLine(path)}\n`);
  for (const [what, list] of [
    ['conflict', plan.conflicts],
    ['refused', plan.refused],
    ['flagged', plan.flagged],
  ] as const) {
    for (const { path, reason } of list) note(`${what}: ${safeLine(path)}: ${reason}`);
  }
  note(`${plan.summary()}; nothing was written`);
  noteIgnored(plan);
}

function printReceipt({ changes, kept, alreadyThere, refused, historyProblem }: CommitReceipt): void {
  for (const { change, path } of changes) process.stdout.write(`${change.padEnd(12)} ${safeLine(path)}\n`);
  for (const path of kept) note(`${safeLine(path)} stays: it holds files the sandbox did not have`);
  for (const { path, reason } of refused) note(`left out: ${safeLine(path)}: ${reason}`);
  note(
    summarizeChanges(changes) +
      (alreadyThere.length > 0
        ? `; ${alreadyThere.length} ${alreadyThere.length === 1 ? 'was' : 'were'} there already`
        : ''),
  );
  noteHistoryProblem(historyProblem);
}

function printRecovery({ outcome, displaced, historyProblem }: Recovery): void {
  const said = {
    nothing: 'nothing was interrupted',
    'rolled-back': 'an interrupted commit was undone; the directory is as it was before',
    completed: 'the last commit was complete; what it left is removed',
  };
  note(said[outcome]);
  for (const { path, movedTo } of displaced) {
    note(`${safeLine(path)} changed after the crash: ${movedTo ? `it is in ${safeLine(movedTo)} now` : 'it stays'}`);
  }
  noteHistoryProblem(historyProblem);
}

function noteHistoryProblem(problem: string | undefined): void {
  if (problem !== undefined) note(`the history of commits could not be kept: ${safeLine(problem)}`);
}

function sameDirectory(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
