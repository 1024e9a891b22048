/** The judge's copy of a workspace, without what the runner would obey. */
import { posix } from 'node:path';
import { RipcordError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { JUDGE_ENV } from './judge-user.js';
import { inWords } from './relay.js';
import { obeyedBy, TRUSTED } from './runner-files.js';
import type { ResolvedCommandTest } from './test-options.js';

/** Names that a report lists; there may be more files. */
const MAX_LISTED_BYTES = 64 * 1024;

interface WorkspaceCopy {
  /** Files that a runner reads and that stayed, relative to the workspace. */
  trusted: string[];
  /** Files that are not in the copy. */
  leftOut: string[];
}

/** The copy is made by the judge's user with programs of the image. */
export async function copyWorkspace(
  sandbox: Sandbox,
  to: string,
  user: string,
  options: ResolvedCommandTest,
): Promise<WorkspaceCopy> {
  const brought = [...Object.keys(options.tests), ...Object.keys(options.canaries)];
  const patterns = options.leaveOut ?? obeyedBy(options.command, placesOf(options.cwd, brought));
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
      `runTests: the workspace cannot be copied: ${result.stderr.slice(-500) || inWords(result)}`,
      { hint: 'The copy lies in /tmp: raise limits.tmp. Files the judge cannot read must be readable by all.' },
    );
  };
  const copy = 'mkdir "$1" && to=$1 && shift && tar -C /workspace "$@" -cf - . | tar -C "$to" --no-same-owner -xf -';
  await run(['/bin/sh', '-c', copy, 'sh', to, ...excluded], MAX_LISTED_BYTES);
  const list = async (place: string, names: string[]) => {
    const tests = names.flatMap((name) => ['-o', name.startsWith('./') ? '-path' : '-name', name]).slice(1);
    // If a directory matches, the entries below it are not listed one by one.
    const argv = ['find', '.', '(', ...tests, ')', '-print0', '-prune'];
    const script = 'cd "$1" && shift && "$@" 2>/dev/null | head -c "$0"';
    const found = await run(['/bin/sh', '-c', script, String(MAX_LISTED_BYTES), place, ...argv], MAX_LISTED_BYTES);
    const paths = found
      .split('\0')
      .slice(0, -1)
      .map((path) => posix.normalize(path));
    return paths.filter((path) => !brought.includes(path)).sort();
  };
  return { trusted: await list(to, TRUSTED), leftOut: patterns.length === 0 ? [] : await list('/workspace', patterns) };
}

/** Directories from which a runner in Python may import: where it starts, and those of the tests with all above them. */
function placesOf(cwd: string | undefined, brought: readonly string[]): Set<string> {
  const places = new Set(['.']);
  const directories = brought.map((path) => posix.dirname(posix.normalize(path)));
  const from = posix.relative('/workspace', posix.resolve('/workspace', cwd ?? '.'));
  for (let place of [...directories, from || '.']) {
    for (; place !== '.' && place !== '/' && !place.startsWith('..'); place = posix.dirname(place)) places.add(place);
  }
  return places;
}
