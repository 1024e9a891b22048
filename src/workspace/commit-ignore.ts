import { stat } from 'node:fs/promises';
import path from 'node:path';
import { prefixesOf } from './commit-paths.js';
import type { Change } from './diff.js';
import { IgnoreRules } from './ignore-rules.js';
import type { Manifest } from './manifest.js';

export interface LeaveOutOptions {
  /** Patterns in .gitignore syntax: such changes are no part of the commit. */
  ignore: string[];
  /** Leave out what is new and named by the seed's .gitignore files, as the seed itself left it out. */
  gitignore: boolean;
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
): Promise<{ changes: Change[]; ignored: string[] }> {
  const own = new IgnoreRules({ ignore: options.ignore });
  const git = new IgnoreRules({ gitignore: options.gitignore && base.directory !== undefined });
  if (options.gitignore && base.directory !== undefined) await loadAll(git, base.manifest, base.directory);

  const verdicts = new Map<string, boolean>();
  const ignored: string[] = [];
  const isLeftOut = (change: Change): boolean => {
    for (const prefix of prefixesOf(change.path)) {
      const isDirectory = prefix !== change.path || change.kind === 'directory';
      const isNew = !base.manifest.has(prefix);
      let verdict = verdicts.get(prefix);
      if (verdict === undefined) {
        const byGit = isNew && !/(^|\/)\.git(\/|$)/.test(prefix) && git.leavesOut(prefix, isDirectory);
        verdict = byGit || own.leavesOut(prefix, isDirectory);
        verdicts.set(prefix, verdict);
        if (verdict) ignored.push(prefix);
      }
      if (verdict) return true;
    }
    return false;
  };
  return { changes: changes.filter((change) => !isLeftOut(change)), ignored };
}

async function loadAll(rules: IgnoreRules, manifest: Manifest, directory: string): Promise<void> {
  for (const [file, { kind }] of manifest) {
    if (kind !== 'file' || (file !== '.gitignore' && !file.endsWith('/.gitignore'))) continue;
    const parent = file.slice(0, Math.max(file.lastIndexOf('/'), 0));
    if (await isThere(path.join(directory, file))) await rules.load(directory, parent);
  }
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
