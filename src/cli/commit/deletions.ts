/** Decides which paths `ripcord apply` deletes: those that a mark or the user names, after a question on a terminal. */

import { safeLine } from '../../base/harmless-text.js';
import { isWithin } from '../../base/relative-paths.js';
import type { CommitPlan } from '../../commit/plan.js';
import { note } from '../failure.js';
import { ask, canAsk } from '../terminal/ask.js';
import { plural } from '../terminal/format.js';
import type { ReadPlan } from './read-plan.js';

/** Maximum number of paths to show, about one screen: users do not read a longer list before they answer. */
const MAX_SHOWN = 20;

interface DeletionFlags {
  delete?: boolean;
  yes?: boolean;
  json?: boolean;
  dryRun?: boolean;
}

/** Decides whether the plan may make its deletions. Asks on a terminal. */
export async function mayDelete(read: ReadPlan, flags: DeletionFlags, signal: AbortSignal): Promise<boolean> {
  const paths = deletionsOf(read.plan);
  if (paths.length === 0) return true;
  const isAsked = canAsk() && !flags.json && !flags.dryRun && !flags.yes;
  if (!isAsked) {
    if (read.deletionsKnown) return true;
    note(
      `${plural(paths.length, 'path')} of the directory before, missing in the result, will not be deleted: ` +
        `${read.markProblem ?? 'nothing says that the sandbox deleted them'} (--delete deletes them)`,
    );
    return false;
  }
  if (read.markProblem !== undefined) note(read.markProblem);
  const shown = topmost(paths);
  for (const path of shown.slice(0, MAX_SHOWN)) process.stderr.write(`  delete ${safeLine(path)}\n`);
  if (shown.length > MAX_SHOWN) process.stderr.write(`  and ${shown.length - MAX_SHOWN} more\n`);
  const why = read.deletionsKnown ? '' : ', which the result only lacks,';
  const where = safeLine(read.plan.target);
  const answer = await ask(`Delete ${plural(paths.length, 'path')}${why} in ${where}? [y/N] `, signal);
  return /^y(es)?$/i.test(answer);
}

/** Returns the paths that the plan deletes. */
export const deletionsOf = (plan: CommitPlan): string[] =>
  plan.changes.flatMap(({ change, path }) => (change === 'deleted' ? [path] : []));

/** Drops paths that lie in a listed directory. */
function topmost(paths: readonly string[]): string[] {
  const top: string[] = [];
  for (const path of paths) {
    const last = top.at(-1);
    if (last === undefined || !isWithin(path, last)) top.push(path);
  }
  return top;
}
