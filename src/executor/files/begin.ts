/** Selects the host files that a run begins with. */
import { lstat, realpath } from 'node:fs/promises';
import { errnoOf } from '../../base/host-error.js';
import type { ResolvedExecutorOptions } from '../options.js';

type Given = Partial<Pick<ResolvedExecutorOptions<unknown, unknown, unknown, never>, 'seed' | 'target'>>;

/** Files that a run begins with. `files` is undefined if there are none. `isTarget` is true if they are those of the target. */
interface Beginning {
  files: NonNullable<Given['seed']> | undefined;
  isTarget: boolean;
}

/** Returns the seed, or else the files of the target. A target may be missing; a missing seed is an error of the copy. */
export async function filesToBegin({ seed, target }: Given): Promise<Beginning> {
  if (seed) return { files: seed, isTarget: target !== undefined && (await isSame(seed.from, target)) };
  if (target === undefined || (await isMissing(target))) return { files: undefined, isTarget: true };
  return { files: { from: target, ignore: [], gitignore: true }, isTarget: true };
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    // The later copy reports any other problem with this path.
    return errnoOf(error) === 'ENOENT';
  }
}

async function isSame(a: string, b: string): Promise<boolean> {
  try {
    return (await realpath(a)) === (await realpath(b));
  } catch {
    return false;
  }
}
