/**
 * Finds changes that turn a directory into a git repository. git treats any directory that looks like a repository as
 * one and obeys its `config`: with `core.fsmonitor` the next `git status` below it runs a program.
 * @see https://git-scm.com/docs/git-config `safe.bareRepository`; `is_git_directory()` in git's setup.c
 */

import { FOLDING, foldedName } from '../../base/path-rules.js';
import { parentOf } from '../../base/relative-paths.js';
import { WorkMeter } from '../../base/work-meter.js';
import type { Change } from '../../workspace/diff.js';

/** Entries of a repository. Each alone is harmless. `commondir` names another directory that holds the others. */
const PARTS = ['head', 'config', 'objects', 'refs', 'commondir'];
const PART = new RegExp(`^(.*/)?(?:${PARTS.join('|')}|hooks/[^/]+)$`);
/** One less than a repository needs, because the missing part can come with the next commit. */
const ENOUGH = 3;

/**
 * Returns the changes that create or change a repository without a `.git` directory.
 * @param namesIn Lists a directory of the target, because several commits can assemble a repository.
 */
export async function repositoryParts(
  changes: readonly Change[],
  namesIn: (directory: string) => Promise<readonly string[]>,
): Promise<Set<string>> {
  const touched = new Map<string, Change[]>();
  const after = new Set<string>();
  const gone = new Set<string>();
  const meter = new WorkMeter();
  for (const change of changes) {
    if (meter.spend(FOLDING * change.path.length)) await meter.rest();
    const folded = foldedName(change.path);
    (change.after === undefined ? gone : after).add(folded);
    if (change.after === undefined || !PART.test(folded)) continue;
    const parent = /(^|\/)hooks\/[^/]+$/.test(folded) ? parentOf(parentOf(change.path)) : parentOf(change.path);
    const parts = touched.get(parent);
    if (parts) parts.push(change);
    else touched.set(parent, [change]);
  }
  const found = new Set<string>();
  for (const [parent, parts] of touched) {
    const prefix = parent === '' ? '' : `${foldedName(parent)}/`;
    const standing = new Set((await namesIn(parent)).map(foldedName));
    const isThere = (name: string) => after.has(prefix + name) || (standing.has(name) && !gone.has(prefix + name));
    if (meter.spend(FOLDING * prefix.length)) await meter.rest();
    const there = PARTS.filter(isThere);
    if (there.length >= ENOUGH || (isThere('head') && isThere('commondir'))) {
      for (const { path } of parts) found.add(path);
    }
  }
  return found;
}
