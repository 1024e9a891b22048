/** Which files of the host a run begins with. */
import { lstat, realpath } from 'node:fs/promises';
import { errnoOf } from '../../base/host-error.js';
import type { ResolvedExecutorOptions } from '../options.js';

type Given = Partial<Pick<ResolvedExecutorOptions<unknown, unknown, unknown, never>, 'seed' | 'target'>>;

/** `files` are undefined where the run begins with nothing; `isTarget`: they are those of the target itself. */
interface Beginning {
  files: NonNullable<Given['seed']> | undefined;
  isTarget: boolean;
}

/** The seed, or else the target's own files. A target may be missing, and a seed may not. */
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
    // Any other problem with it is named by who copies it.
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
