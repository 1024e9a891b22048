/** Changes that a commit never writes, even if the caller allows them. */

import { printable } from '../../base/harmless-text.js';
import { foldedName, isOwnPath, linkProblem, pathProblem } from '../../base/path-rules.js';
import { nameOf, parentOf, prefixesOf } from '../../base/relative-paths.js';
import type { Change } from '../../workspace/diff.js';
import type { Step } from '../steps.js';

/** A refused path. `path` is unescaped; apply {@link printable} before showing it. */
export interface Refusal {
  path: string;
  reason: string;
}

/**
 * Returns the reason why a change can never be written, whatever the target contains.
 * @param isOwn True if the entry is unchanged since the caller's seed.
 */
export function changeRefusal({ path, after }: Change, isOwn = false): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  if (isOwnPath(path)) return "Ripcord's own name";
  if (after?.kind === 'other') return 'not a file, directory or link';
  return after?.kind === 'link' && !isOwn ? linkProblem(path, after.linkTarget ?? '') : undefined;
}

/**
 * Refuses new names that equal another name in the same directory on some file systems. The other name can be new or
 * exist already.
 * @param own Paths that are unchanged since the caller's seed. They may stay beside each other.
 */
export async function nameRefusals(
  steps: readonly Step[],
  namesIn: (directory: string) => Promise<string[]>,
  own: ReadonlySet<string>,
): Promise<Refusal[]> {
  const removed = new Set<string>();
  const added = new Map<string, string[]>();
  for (const { step, path } of steps) {
    if (step === 'remove' || step === 'remove-directory') removed.add(path);
    if (step !== 'place' && step !== 'make-directory') continue;
    const names = added.get(parentOf(path)) ?? [];
    added.set(parentOf(path), names);
    names.push(nameOf(path));
  }
  const refused: Refusal[] = [];
  for (const [directory, names] of added) {
    const prefix = directory === '' ? '' : `${directory}/`;
    const fresh = new Set(names);
    const known = new Map<string, string>();
    for (const name of names) if (own.has(prefix + name)) known.set(foldedName(name), name);
    for (const name of await namesIn(directory)) {
      if (!removed.has(prefix + name) && !fresh.has(name)) known.set(foldedName(name), name);
    }
    for (const name of names) {
      const twin = known.get(foldedName(name));
      if (twin === name || (twin !== undefined && own.has(prefix + twin) && own.has(prefix + name))) continue;
      if (twin === undefined) known.set(foldedName(name), name);
      else refused.push({ path: prefix + name, reason: `same name as ${printable(twin)} on some file systems` });
    }
  }
  return refused;
}

/** Maximum number of links to follow, as in the Linux kernel (path_resolution(7)). */
const MAX_HOPS = 40;

/**
 * Returns the reason why the link at `path` leads out of the target although its own text does not.
 * @param linkOnHost Returns the target of a link that exists on the host and is not part of the commit.
 */
export async function linkRefusal(
  path: string,
  target: string,
  linkOnHost: (path: string) => Promise<string | undefined>,
  hops = 0,
): Promise<string | undefined> {
  if (hops > MAX_HOPS) return 'leads through too many links';
  const resolved = resolveLexically(path, target);
  if (resolved === '') return undefined;
  for (const prefix of prefixesOf(resolved)) {
    const further = await linkOnHost(prefix);
    if (further === undefined) continue;
    if (linkProblem(prefix, further) !== undefined) {
      return `leads outside through ${printable(prefix)}, a link on the host`;
    }
    return linkRefusal(prefix, further + resolved.slice(prefix.length), linkOnHost, hops + 1);
  }
  return undefined;
}

/**
 * Resolves a link's target without reading the file system. This is exact for targets without a `linkProblem`, because
 * their `..` segments come first.
 */
function resolveLexically(path: string, target: string): string {
  const segments = parentOf(path).split('/').filter(Boolean);
  for (const segment of target.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return segments.join('/');
}
