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
import { readPlan } from '../commit/read-plan.js';
import { tellIgnored } from '../commit/tell-ignored.js';
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
  /** The former name of `allowFile`. */
  allow: string[];
  allowRule: FlagRule[];
  skipRefused?: boolean;
  dryRun?: boolean;
  recover?: boolean;
  json?: boolean;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

/** `ripcord apply`: brings a sandbox's work into a directory, wholly or not at all. */
export function addApply(program: Command, context: CliContext): void {
  program
    .command('apply')
    .summary('bring the changes of a sandbox into a directory, wholly or not at all')
    .description(
      'Makes the changes between two directories, or of a saved plan, in a third one. Nothing is written when a file ' +
        'there changed meanwhile, when a change leads out of it, or when a file that can run programs on this machine ' +
        'would change and is not allowed by name. Deleted is what the mark beside a result of run --out says was ' +
        'deleted, and nothing else without --delete; on a terminal you are asked first, elsewhere nobody is. Killed in ' +
        'the middle, the next apply or --recover restores what was. Nothing of it stays in the directory: which commits ' +
        'there were is kept in $XDG_STATE_HOME/ripcord/commits, without that variable ~/.local/state/ripcord/commits.',
    )
    .argument('[seed|plan]', 'the directory before, or a file that ripcord diff --save wrote', hostPath)
    .argument('[result]', 'the directory after', hostPath)
    .requiredOption('--to <directory>', 'the directory to change', hostPath)
    .option('--delete', 'the result is whole: delete what it lacks')
    .option('--partial', 'delete nothing, not even what the mark beside the result lists')
    .option('-y, --yes', 'delete without asking')
    .option('--no-gitignore', "also new files that the seed's .gitignore files name")
    .option('--no-default-ignores', 'also new caches and dependency trees: __pycache__, node_modules, .venv …')
    .option(
      '--allow-file <pattern>',
      'a flagged file to write all the same, in .gitignore syntax: /go.sh, .envrc, .github/; repeatable',
      collect,
      [],
    )
    .addOption(
      new Option('--allow <pattern>', 'the former name of --allow-file').argParser(collect).default([]).hideHelp(),
    )
    .option('--allow-rule <rule>', `a kind of flagged file to write: ${FLAG_RULES.join(', ')}; repeatable`, collect, [])
    .option(
      '--skip-refused',
      'leave out what must not be written, and flagged files that are not allowed, instead of giving up',
    )
    .option('-n, --dry-run', 'only say what would happen')
    .option('--recover', 'only put right what a killed apply left')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord apply . result --to .', 'what ripcord run --seed . --out result changed'],
        ['ripcord apply before after --to . --delete', 'what changed from before to after, here'],
        ['ripcord apply plan.json --to . --dry-run', 'would it work?'],
        ["ripcord apply plan.json --to . --allow '.github/'", 'with changed workflows'],
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
  if (flags.recover) return report(await recoverCommit(flags.to, { signal }), flags, tellRecovery);
  if (first === undefined)
    throw new InvalidOptionsError('apply: nothing to apply', { hint: 'Name two directories, or a plan.' });
  const sources = { first, result, target: flags.to, trustMark: true };
  let read = await readPlan(sources, flags, signal);
  if (result !== undefined && !read.isMarked && sameDirectory(first, flags.to)) {
    note('the directory before is the target itself: changes made to it since the sandbox began cannot be told');
  }
  if (!(await mayDelete(read, flags, signal))) read = await readPlan(sources, flags, signal, false);
  const { plan } = read;
  if (!flags.dryRun && !flags.json) tellIgnored(plan);
  if (flags.dryRun) {
    report(plan, flags, tellPlan);
    return (await isInTheWay(plan, flags)) ? ExitCode.FAILED : ExitCode.OK;
  }
  const receipt = await applyCommit(plan, {
    ...allowanceOf(flags),
    onRefused: flags.skipRefused ? 'report' : 'throw',
    onFlagged: flags.skipRefused ? 'report' : 'throw',
    signal,
  });
  return report(receipt, flags, tellReceipt);
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

function report<T>(value: T, flags: ApplyFlags, tell: (value: T) => void): number {
  if (flags.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  else tell(value);
  return ExitCode.OK;
}

function tellPlan(plan: CommitPlan): void {
  for (const { change, path } of plan.changes) process.stdout.write(`${change.padEnd(12)} ${safeLine(path)}\n`);
  for (const [what, list] of [
    ['conflict', plan.conflicts],
    ['refused', plan.refused],
    ['flagged', plan.flagged],
  ] as const) {
    for (const { path, reason } of list) note(`${what}: ${safeLine(path)}: ${reason}`);
  }
  note(`${plan.summary()}; nothing was written`);
  tellIgnored(plan);
}

function tellReceipt({ changes, kept, alreadyThere, refused, historyProblem }: CommitReceipt): void {
  for (const { change, path } of changes) process.stdout.write(`${change.padEnd(12)} ${safeLine(path)}\n`);
  for (const path of kept) note(`${safeLine(path)} stays: it holds files the sandbox did not have`);
  for (const { path, reason } of refused) note(`left out: ${safeLine(path)}: ${reason}`);
  note(
    summarizeChanges(changes) +
      (alreadyThere.length > 0
        ? `; ${alreadyThere.length} ${alreadyThere.length === 1 ? 'was' : 'were'} there already`
        : ''),
  );
  tellHistoryProblem(historyProblem);
}

function tellRecovery({ outcome, displaced, historyProblem }: Recovery): void {
  const said = {
    nothing: 'nothing was interrupted',
    'rolled-back': 'an interrupted commit was undone; the directory is as it was before',
    completed: 'the last commit was complete; what it left is removed',
  };
  note(said[outcome]);
  for (const { path, movedTo } of displaced) {
    note(`${safeLine(path)} changed after the crash: ${movedTo ? `it is in ${safeLine(movedTo)} now` : 'it stays'}`);
  }
  tellHistoryProblem(historyProblem);
}

function tellHistoryProblem(problem: string | undefined): void {
  if (problem !== undefined) note(`the history of commits could not be kept: ${safeLine(problem)}`);
}

function sameDirectory(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
