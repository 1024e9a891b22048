/** Copies a workspace for the judge, without files that the runner would obey. */
import { posix } from 'node:path';
import { RipcordError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { JUDGE_ENV } from './judge-user.js';
import { describeEnd } from './relay.js';
import { obeyedBy, TRUSTED } from './runner-files.js';
import type { ResolvedCommandTest } from './test-options.js';

/** Maximum size of the listed names. There may be more files. */
const MAX_LISTED_BYTES = 64 * 1024;

interface WorkspaceCopy {
  /** Files that a runner reads and that stayed, relative to the workspace. */
  trusted: string[];
  /** Files that were left out of the copy. */
  leftOut: string[];
}

/** Copies the workspace as the judge's user, with programs of the image. */
export async function copyWorkspace(
  sandbox: Sandbox,
  to: string,
  user: string,
  options: ResolvedCommandTest,
): Promise<WorkspaceCopy> {
  const brought = [...Object.keys(options.tests), ...Object.keys(options.canaries)];
  const patterns = options.leaveOut ?? obeyedBy(options.command, importDirectories(options.cwd, brought));
  const excluded = patterns.flatMap((pattern) => ['--exclude', pattern]);
  const run = async (argv: string[], maxOutputBytes: number) => {
    const result = await sandbox.exec(argv, {
      user,
      env: JUDGE_ENV,
      cwd: '/',
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      maxOutputBytes,
    });
    if (result.outcome === 'exited' && result.exitCode === 0) return result.stdout;
    throw new RipcordError(
      'command-failed',
      `runTests: the workspace cannot be copied: ${result.stderr.slice(-500) || describeEnd(result)}`,
      {
        hint: 'The copy is in /tmp: raise limits.tmp. All files must be readable by other users, because the judge is one.',
      },
    );
  };
  const copy = 'mkdir "$1" && to=$1 && shift && tar -C /workspace "$@" -cf - . | tar -C "$to" --no-same-owner -xf -';
  await run(['/bin/sh', '-c', copy, 'sh', to, ...excluded], MAX_LISTED_BYTES);
  const list = async (directory: string, names: string[]) => {
    const tests = names.flatMap((name) => ['-o', name.startsWith('./') ? '-path' : '-name', name]).slice(1);
    // If a directory matches, the entries below it are not listed one by one.
    const argv = ['find', '.', '(', ...tests, ')', '-print0', '-prune'];
    const script = 'cd "$1" && shift && "$@" 2>/dev/null | head -c "$0"';
    const found = await run(['/bin/sh', '-c', script, String(MAX_LISTED_BYTES), directory, ...argv], MAX_LISTED_BYTES);
    const paths = found
      .split('\0')
      .slice(0, -1)
      .map((path) => posix.normalize(path));
    return paths.filter((path) => !brought.includes(path)).sort();
  };
  return { trusted: await list(to, TRUSTED), leftOut: patterns.length === 0 ? [] : await list('/workspace', patterns) };
}

/**
 * Returns the directories from which a Python runner may import: its working directory, and the tests' directories with
 * their parents.
 */
function importDirectories(cwd: string | undefined, brought: readonly string[]): Set<string> {
  const found = new Set(['.']);
  const directories = brought.map((path) => posix.dirname(posix.normalize(path)));
  const from = posix.relative('/workspace', posix.resolve('/workspace', cwd ?? '.'));
  for (let at of [...directories, from || '.']) {
    for (; at !== '.' && at !== '/' && !at.startsWith('..'); at = posix.dirname(at)) found.add(at);
  }
  return found;
}
