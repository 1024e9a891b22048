/** The judge's user. It differs from the user of the code under test, which cannot touch its files and processes. */
import { text } from 'node:stream/consumers';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';

const CHOICES = ['1001:1001', '1002:1002'] as const;

/**
 * Returns the judge's user.
 * @throws InvalidOptionsError if the code under test runs as root, because root can change everything in a sandbox
 */
export function judgeUser(sandbox: Sandbox): string {
  const { user, judge } = sandbox.parts;
  const [name = ''] = user.split(':');
  if (name === '0' || name === 'root') {
    throw new InvalidOptionsError(
      'runTests: commands of this sandbox run as root, so no verdict in it can be trusted',
      {
        hint: 'Leave `user` out when creating the sandbox that tests run in.',
      },
    );
  }
  return judge ?? CHOICES.find((choice) => !choice.startsWith(`${name}:`))!;
}

/**
 * Environment of the judge: directories that only root can write to. HOME and TMPDIR of the sandbox belong to the code
 * under test.
 */
export const JUDGE_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/nonexistent',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
};

/** Cached paths of programs. They do not change, because only root could move them and no command runs as root. */
const found = new WeakMap<object, Map<string, string>>();

/** Returns the absolute path of a program of the image. */
export async function findProgram(sandbox: Sandbox, name: string, signal: AbortSignal | undefined): Promise<string> {
  const known = found.get(sandbox.parts) ?? new Map<string, string>();
  found.set(sandbox.parts, known);
  const path = known.get(name) ?? (await lookUp(sandbox, name, signal));
  known.set(name, path);
  return path;
}

async function lookUp(sandbox: Sandbox, name: string, signal: AbortSignal | undefined): Promise<string> {
  // Do not use exec(): an executor would show this as output of the code under test.
  const command = await sandbox.spawn(['/bin/sh', '-c', `command -v ${name}`], {
    user: judgeUser(sandbox),
    env: JUDGE_ENV,
    cwd: '/',
    timeoutMs: 10_000,
    signal,
  });
  command.stderr.resume();
  const path = (await text(command.stdout)).trim();
  const { outcome, exitCode } = await command.wait();
  if (outcome === 'exited' && exitCode === 0 && path.startsWith('/')) return path;
  throw new RipcordError('command-failed', `runTests: this sandbox's image does not have ${name}`, {
    hint: "Tests in Python need an image with Python, for example 'python'.",
  });
}
