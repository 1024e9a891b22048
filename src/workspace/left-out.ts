/** Splits changes into those that remain and those that some rule leaves out. */

import { prefixesOf } from '../base/relative-paths.js';
import { WorkMeter } from '../base/work-meter.js';
import { defaultIgnores } from './default-ignores.js';
import type { Change } from './diff.js';
import type { Manifest } from './manifest.js';

/** The topmost paths that rules left out; at most 1,000 of `ignoredCount`. */
export interface LeftOut {
  readonly ignored: readonly string[];
  readonly ignoredCount: number;
}

/** Maximum number of listed paths: users do not read more. */
const MAX_LISTED = 1000;

/**
 * Splits `changes` by `isLeftOut`, which is called once for each path and each directory above it, outer ones first.
 * @param isLeftOut Receives a path, and whether it is a directory.
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
    // A map lookup hashes the whole path, and matching reads it a few times more.
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

/** Leaves out new paths that default-ignores.ts lists. */
export async function leaveOutDefaults(
  changes: readonly Change[],
  base: Manifest,
): Promise<{ changes: Change[] } & LeftOut> {
  const isNamed = defaultIgnores(changes);
  return leaveOutBy(changes, (path) => !base.has(path) && isNamed(path));
}

/**
 * Changes of a workspace, sorted by path. The left-out paths are properties of the array, so that it can be used like
 * any array.
 */
export type ChangeList = Change[] & LeftOut;

/** Adds the left-out paths to an array of changes. The properties are not enumerable. */
export function changeList(changes: Change[], { ignored, ignoredCount }: LeftOut): ChangeList {
  return Object.defineProperties(changes, {
    ignored: { value: ignored },
    ignoredCount: { value: ignoredCount },
  }) as ChangeList;
}
