import { stat } from 'node:fs/promises';
import path from 'node:path';
import { defaultIgnores } from '../../workspace/default-ignores.js';
import type { Change } from '../../workspace/diff.js';
import { IgnoreRules } from '../../workspace/ignore-rules.js';
import { type LeftOut, leaveOutBy } from '../../workspace/left-out.js';
import type { Manifest } from '../../workspace/manifest.js';

interface LeaveOutOptions {
  /** Patterns in .gitignore syntax. Matching changes are not part of the commit. */
  ignore: string[];
  /** Leaves out new files that match the seed's .gitignore files, as the seed itself did. */
  gitignore: boolean;
  /** Leaves out new caches and dependency trees; default-ignores.ts lists them. */
  defaultIgnores: boolean;
}

/**
 * Splits off changes that are not part of the commit: caches, dependencies, build results. Only the seed's own
 * .gitignore files are used, never those that the sandbox wrote, because a pattern can take hours to match. `.git`
 * stays in, so that it is flagged.
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
