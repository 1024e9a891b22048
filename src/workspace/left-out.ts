/** Splits changes into those that remain and those that some rule leaves out. */

import { prefixesOf } from '../base/relative-paths.js';
import { WorkMeter } from '../base/work-meter.js';
import { defaultIgnores } from './default-ignores.js';
import type { Change } from './diff.js';
import type { Manifest } from './manifest.js';

/** The paths that rules left out: the topmost ones, at most 1,000 of `ignoredCount`. */
export interface LeftOut {
  readonly ignored: readonly string[];
  readonly ignoredCount: number;
}

/** A list with more lines is not read. */
const MAX_LISTED = 1000;

/**
 * Asks `isLeftOut` once for each path and each directory above it, outer ones first.
 * @param isLeftOut Gets a path, and whether it is a directory.
 */
export async function leaveOutBy<C extends Pick<Change, 'path' | 'kind'>>(
  changes: readonly C[],
  isLeftOut: (path: string, isDirectory: boolean) => boolean | Promise<boolean>,
): Promise<{ changes: C[] } & LeftOut> {
  const meter = new WorkMeter();
  const verdicts = new Map<string, boolean>();
  const ignored: string[] = [];
  let ignoredCount = 0;
  const judge = async (path: string, isDirectory: boolean): Promise<boolean> => {
    // Looking a path up reads all of it, and judging it some times more.
    if (meter.spend(4 * path.length)) await meter.rest();
    const known = verdicts.get(path);
    if (known !== undefined) return known;
    const verdict = await isLeftOut(path, isDirectory);
    verdicts.set(path, verdict);
    if (!verdict) return false;
    ignoredCount += 1;
    if (ignored.length < MAX_LISTED) ignored.push(path);
    return true;
  };
  const stays = async ({ path, kind }: C): Promise<boolean> => {
    for (const prefix of prefixesOf(path)) {
      if (await judge(prefix, prefix !== path || kind === 'directory')) return false;
    }
    return true;
  };
  const remaining: C[] = [];
  for (const change of changes) if (await stays(change)) remaining.push(change);
  return { changes: remaining, ignored, ignoredCount };
}

/** Leaves out new paths that the list of default-ignores.ts names. */
export async function leaveOutDefaults(
  changes: readonly Change[],
  base: Manifest,
): Promise<{ changes: Change[] } & LeftOut> {
  const isNamed = defaultIgnores(changes);
  return leaveOutBy(changes, (path) => !base.has(path) && isNamed(path));
}

/**
 * The changes of a workspace, sorted by path. What was left out is a property of the list, so that it can be used as the
 * array it is.
 */
export type ChangeList = Change[] & LeftOut;

/** Adds to an array of changes what was left out; the properties are not enumerable. */
export function changeList(changes: Change[], { ignored, ignoredCount }: LeftOut): ChangeList {
  return Object.defineProperties(changes, {
    ignored: { value: ignored },
    ignoredCount: { value: ignoredCount },
  }) as ChangeList;
}
