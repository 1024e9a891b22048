/** What a commit never writes, whoever allows it. */

import { foldedName, isOwnPath, linkProblem, pathProblem } from '../../base/path-rules.js';
import { printable } from '../../base/printable.js';
import { nameOf, parentOf, prefixesOf } from '../../base/relative-paths.js';
import type { Change } from '../../workspace/diff.js';
import type { Step } from '../steps.js';

/** `path` as it is: {@link printable} comes when it is shown. */
export interface Refusal {
  path: string;
  reason: string;
}

/**
 * Tells why a change by itself cannot be written, whatever the target has.
 * @param isOwn It is as the caller's seed had it.
 */
export function changeRefusal({ path, after }: Change, isOwn = false): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  if (isOwnPath(path)) return "Ripcord's own name";
  if (after?.kind === 'other') return 'not a file, directory or link';
  return after?.kind === 'link' && !isOwn ? linkProblem(path, after.linkTarget ?? '') : undefined;
}

/**
 * New names that some file system takes for another one beside them, be that new or there already.
 * @param own Paths that are as the caller's seed had them: beside each other they stay.
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

/** As many as the kernel follows. */
const MAX_HOPS = 40;

/**
 * Why the link at `path` would lead out of the target although its text does not say so.
 * @param linkOnHost Where a path leads that is a link on the host and no part of the commit.
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

/** Exact for targets without a link problem: those go up before they go down. */
function resolveLexically(path: string, target: string): string {
  const segments = parentOf(path).split('/').filter(Boolean);
  for (const segment of target.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return segments.join('/');
}
