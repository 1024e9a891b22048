import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { showControls } from '../../base/harmless-text.js';
import { savePlan } from '../../commit/saved-plan.js';
import { hostPath } from '../../sandbox/home-path.js';
import { deletionsOf } from '../commit/deletions.js';
import { noteIgnored } from '../commit/note-ignored.js';
import { type PlanFlags, readPlan } from '../commit/read-plan.js';
import type { CliContext } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';

/** Target of the plan. It does not exist, because the changes are shown without regard to a target. */
const NO_TARGET = path.join(tmpdir(), 'ripcord-no-such-target');

interface DiffFlags extends PlanFlags {
  save?: string;
  json?: boolean;
}

/** Adds `ripcord diff`, which shows the changes that a sandbox made. */
export function addDiff(program: Command, context: CliContext): void {
  program
    .command('diff')
    .summary('show the changes between two directories')
    .description(
      'Shows, as git diff does, the changes between the directory before a sandbox ran and the directory after it, or ' +
        'the changes of a saved plan. It writes nothing except the plan of --save.',
    )
    .argument('<seed|plan>', 'directory before the changes, or a plan that --save wrote', hostPath)
    .argument('[result]', 'directory after the changes', hostPath)
    .option(
      '--delete',
      'treat the result as complete: files that it lacks were deleted; ripcord apply of the saved plan deletes them',
    )
    .option('--partial', 'treat the result as changed files only: missing files are not deletions')
    .option('--no-gitignore', "include new files that the seed's .gitignore files match")
    .option('--no-default-ignores', 'include new caches and dependency trees: __pycache__, node_modules, .venv …')
    .option('--save <file>', 'write a plan for ripcord apply', hostPath)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord diff before after', 'between two directories'],
        ['ripcord diff . result', 'after ripcord run --seed . --out result'],
        ['ripcord diff before after --delete --save plan.json', 'and keep it for ripcord apply plan.json --to .'],
      ]),
    )
    .action(async (first: string, result: string | undefined, flags: DiffFlags) => {
      const { signal } = context.interrupt;
      const sources = { first, result, target: NO_TARGET, trustMark: false };
      const { plan, deletionsKnown, markProblem } = await readPlan(sources, flags, signal);
      if (flags.save !== undefined) await savePlan(plan, flags.save, deletionsKnown);
      const diff = await plan.unifiedDiff({ signal });
      if (flags.json)
        process.stdout.write(
          `${JSON.stringify({ summary: plan.summary(), changes: plan.changes, ignored: plan.ignored, diff })}\n`,
        );
      else {
        process.stdout.write(process.stdout.isTTY ? showControls(diff, '\n\t') : diff);
        note(plan.summary());
        if (markProblem !== undefined) note(markProblem);
        if (!deletionsKnown && deletionsOf(plan).length > 0) {
          note('files that the result lacks are shown as deleted; ripcord apply deletes them only with --delete');
        }
        noteIgnored(plan);
      }
      context.exitCode = ExitCode.OK;
    });
}
