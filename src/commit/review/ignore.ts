import { stat } from 'node:fs/promises';
import path from 'node:path';
import { defaultIgnores } from '../../workspace/default-ignores.js';
import type { Change } from '../../workspace/diff.js';
import { IgnoreRules } from '../../workspace/ignore-rules.js';
import { type LeftOut, leaveOutBy } from '../../workspace/left-out.js';
import type { Manifest } from '../../workspace/manifest.js';

export interface LeaveOutOptions {
  /** Patterns in .gitignore syntax: such changes are no part of the commit. */
  ignore: string[];
  /** Leave out what is new and named by the seed's .gitignore files, as the seed itself left it out. */
  gitignore: boolean;
  /** Leave out new caches and dependency trees, as default-ignores.ts lists them. */
  defaultIgnores: boolean;
}

/**
 * Splits off what is no part of the commit: caches, dependencies, build results. Only the seed's own .gitignore files
 * have a say, never those the sandbox wrote: a pattern can be made to match for hours. `.git` stays in, to be flagged.
 *
 * @returns the changes that remain, and the topmost paths left out
 */
export async function leaveOut(
  changes: readonly Change[],
  base: { manifest: Manifest; directory?: string | undefined },
  options: LeaveOutOptions,
): Promise<{ changes: Change[] } & LeftOut> {
  const own = new IgnoreRules({ ignore: options.ignore });
  const git = new IgnoreRules({ gitignore: options.gitignore && base.directory !== undefined });
  if (options.gitignore && base.directory !== undefined) await loadAll(git, base.manifest, base.directory);

  const isNamed = options.defaultIgnores ? defaultIgnores(changes) : () => false;
  return leaveOutBy(changes, async (path, isDirectory) => {
    const isNew = !base.manifest.has(path);
    const byGit = isNew && !`/${path}/`.includes('/.git/') && (await git.leavesOut(path, isDirectory));
    return byGit || (isNew && isNamed(path)) || (await own.leavesOut(path, isDirectory));
  });
}

async function loadAll(rules: IgnoreRules, manifest: Manifest, directory: string): Promise<void> {
  for (const [file, { kind }] of manifest) {
    if (kind !== 'file' || (file !== '.gitignore' && !file.endsWith('/.gitignore'))) continue;
    const parent = file.slice(0, Math.max(file.lastIndexOf('/'), 0));
    const found = await stat(path.join(directory, file)).catch(() => undefined);
    if (found?.isFile()) await rules.load(directory, parent, found.size);
  }
}
