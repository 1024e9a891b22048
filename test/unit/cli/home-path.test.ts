/** `~` where no shell has expanded it. */
import { homedir } from 'node:os';
import type { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import type { CliContext } from '../../../src/cli/context.js';
import { createProgram } from '../../../src/cli/program.js';
import { hostPath, sandboxPath } from '../../../src/sandbox/home-path.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';

it('is a home directory at the start of a path, and a name anywhere else', () => {
  const sandbox = { home: '/home/$&' } as Sandbox;
  expect(['~', '~/', '~/a b/~', './~', '~x', '~root/x', 'a/~/b', '/~', ''].map((p) => sandboxPath(sandbox, p))).toEqual(
    ['/home/$&', '/home/$&/', '/home/$&/a b/~', './~', '~x', '~root/x', 'a/~/b', '/~', ''],
  );
  expect(hostPath('~/x')).toBe(`${homedir()}/x`);
  expect(hostPath('x~')).toBe('x~');
});

describe('every option and argument of the command line that names a place of this machine', async () => {
  const PLACE = /\b(dir|directory|file|path|seed|plan|result|spec)\b/;
  /** `--cwd` is in the sandbox. `run` has no file where it has `-c`, and looks by itself. */
  const OTHERS = ['shell --cwd <dir>', 'run --cwd <dir>', 'run file'];
  const all = (command: Command): [name: string, option: Option | Argument][] =>
    command.commands.flatMap((sub) => [
      ...sub.options.map((option): [string, Option] => [`${sub.name()} ${option.flags}`, option]),
      ...sub.registeredArguments.map((argument): [string, Argument] => [`${sub.name()} ${argument.name()}`, argument]),
      ...all(sub),
    ]);
  const named = all(await createProgram({} as CliContext)).filter(([name, { parseArg }]) => {
    return PLACE.test(name.replace(/^\S+ (.*--\S+)?/, '')) && (parseArg !== undefined || !OTHERS.includes(name));
  });

  it('has the user’s home directory for ~', () => {
    const expanded = named.map(([name, { parseArg }]) => {
      const spec = name.includes('name=file');
      const value = parseArg?.(spec ? 'x=~/y' : '~/y', undefined as never);
      return [name, spec ? (value as { x: string } | undefined)?.x : value];
    });
    expect(expanded.length).toBeGreaterThan(15);
    expect(expanded).toEqual(named.map(([name]) => [name, `${homedir()}/y`]));
  });
});
