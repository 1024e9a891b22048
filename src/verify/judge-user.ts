/** The user a verdict is made as: one the code under test is not, and whose files and processes it cannot touch. */
import { text } from 'node:stream/consumers';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';

const CHOICES = ['1001:1001', '1002:1002'] as const;

/** @throws InvalidOptionsError where the code under test runs as root, from whom nothing in a sandbox is safe. */
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

/** What only root can have put there. HOME and TMPDIR of the sandbox belong to the code under test. */
export const JUDGE_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/nonexistent',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
};

/** Where programs are does not change: only root could move them, and nobody in a sandbox is. */
const found = new WeakMap<object, Map<string, string>>();

/** The absolute path of a program of the image. */
export async function findProgram(sandbox: Sandbox, name: string, signal: AbortSignal | undefined): Promise<string> {
  const known = found.get(sandbox.parts) ?? new Map<string, string>();
  found.set(sandbox.parts, known);
  const path = known.get(name) ?? (await lookUp(sandbox, name, signal));
  known.set(name, path);
  return path;
}

async function lookUp(sandbox: Sandbox, name: string, signal: AbortSignal | undefined): Promise<string> {
  // Not exec(): what this prints is no output of the code under test, which an executor would show.
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
  throw new RipcordError('command-failed', `runTests: this sandbox's image has no ${name}`, {
    hint: "Tests in Python need an image with it, e.g. 'python'.",
  });
}
