import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { InvalidOptionsError } from '../../errors.js';
import type { CommitPlan } from '../../workspace/commit-plan.js';
import { prepareCommit } from '../../workspace/commit-plan.js';
import { planSaved, savePlan } from '../../workspace/commit-saved.js';
import { manifestOf } from '../../workspace/manifest.js';
import type { CliContext } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { plural } from '../terminal/format.js';
import { showControls } from '../terminal/safe-text.js';

/** What changed has nothing to do with where it may go one day. */
const NO_TARGET = path.join(tmpdir(), 'ripcord-no-such-target');

interface DiffFlags {
  partial?: boolean;
  gitignore: boolean;
  save?: string;
  json?: boolean;
}

/** `ripcord diff`: what a sandbox changed. */
export function addDiff(program: Command, context: CliContext): void {
  program
    .command('diff')
    .summary('show what changed between two directories')
    .description(
      'Shows what changed between the directory a sandbox began with and the one it ended with, or what a saved plan ' +
        'would change, as git diff does. Writes nothing but the plan with --save.',
    )
    .argument('<seed|plan>', 'the directory before, or a file that --save wrote')
    .argument('[result]', 'the directory after')
    .option('--partial', 'the result has only what changed, as run --out writes it: what it lacks is not deleted')
    .option('--no-gitignore', "also new files that the seed's .gitignore files name")
    .option('--save <file>', 'write a plan for ripcord apply')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord diff before after', 'between two directories'],
        ['ripcord diff . result --partial', 'after ripcord run --seed . --out result'],
        ['ripcord diff before after --save plan.json', 'and keep it for ripcord apply plan.json --to .'],
      ]),
    )
    .action(async (first: string, result: string | undefined, flags: DiffFlags) => {
      const { signal } = context.interrupt;
      const plan = await readPlan(first, result, NO_TARGET, flags, signal);
      if (flags.save !== undefined) await savePlan(plan, flags.save);
      const diff = await plan.unifiedDiff({ signal });
      if (flags.json)
        process.stdout.write(`${JSON.stringify({ summary: plan.summary(), changes: plan.changes, diff })}\n`);
      else {
        process.stdout.write(process.stdout.isTTY ? showControls(diff, '\n\t') : diff);
        note(plan.summary());
        if (plan.ignored.length > 0) note(`${plural(plan.ignored.length, 'path')} left out by .gitignore`);
      }
      context.exitCode = ExitCode.OK;
    });
}

/**
 * The plan that two directories, or a saved plan, mean for `target`.
 * @throws InvalidOptionsError when they are neither
 */
export async function readPlan(
  first: string,
  result: string | undefined,
  target: string,
  flags: { partial?: boolean; gitignore: boolean },
  signal: AbortSignal,
): Promise<CommitPlan> {
  if (result === undefined) {
    if (isDirectory(first))
      throw new InvalidOptionsError('the directory after is missing', {
        hint: 'Name two directories, or a saved plan.',
      });
    return planSaved(first, target, { signal });
  }
  for (const directory of [first, result]) {
    if (!isDirectory(directory)) throw new InvalidOptionsError(`${directory} is not a directory`);
  }
  const rules = { gitignore: flags.gitignore, ignore: ['/.ripcord*'], signal };
  const base = { ...(await manifestOf(first, rules)), directory: first };
  const after = { ...(await manifestOf(result, { ...rules, gitignore: false })), directory: result };
  if (flags.partial) {
    for (const [name, entry] of base.manifest) if (!after.manifest.has(name)) after.manifest.set(name, entry);
  }
  return prepareCommit({ base, result: after, target }, { gitignore: flags.gitignore, signal });
}

const isDirectory = (name: string): boolean => statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
