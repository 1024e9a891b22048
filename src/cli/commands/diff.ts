import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { showControls } from '../../base/harmless-text.js';
import { savePlan } from '../../commit/saved-plan.js';
import { hostPath } from '../../sandbox/home-path.js';
import { deletionsOf } from '../commit/deletions.js';
import { type PlanFlags, readPlan } from '../commit/read-plan.js';
import { tellIgnored } from '../commit/tell-ignored.js';
import type { CliContext } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';

/** What changed has nothing to do with where it may go one day. */
const NO_TARGET = path.join(tmpdir(), 'ripcord-no-such-target');

interface DiffFlags extends PlanFlags {
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
    .argument('<seed|plan>', 'the directory before, or a file that --save wrote', hostPath)
    .argument('[result]', 'the directory after', hostPath)
    .option('--delete', 'the result is whole: what it lacks was deleted, also for ripcord apply of the saved plan')
    .option('--partial', 'the result has only what changed: what it lacks was not deleted')
    .option('--no-gitignore', "also new files that the seed's .gitignore files name")
    .option('--no-default-ignores', 'also new caches and dependency trees: __pycache__, node_modules, .venv …')
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
          note('what the result lacks is shown as deleted; ripcord apply deletes it only with --delete');
        }
        tellIgnored(plan);
      }
      context.exitCode = ExitCode.OK;
    });
}
