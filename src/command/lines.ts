/** Converts a caller's command into an argument list. */
import type { Program } from '../agent/messages.js';
import { kindOf } from '../base/content.js';
import { InvalidOptionsError } from '../base/errors.js';

/** An argument list such as `['python3', '-c', 'print(1)']`, or a line for `/bin/sh`. */
export type CommandLine = string | readonly string[];

/** Linux's limit for one argument, including its NUL (MAX_ARG_STRLEN in linux/binfmts.h). */
const MAX_ARGUMENT = 131_072;
const SHELL = /(^|\/)(ba|da|k|z|a)?sh$/;
/** Replaces itself with bash if the image has it. */
const BASH_OR_SH = 'command -v bash >/dev/null && exec bash "$@"; exec /bin/sh "$@"';

export function toArgv(command: CommandLine): readonly string[] {
  if (typeof command === 'string') return shellLine(checkText(command));
  if (!Array.isArray(command))
    throw new InvalidOptionsError(`exec: expected a line or an array of arguments, received ${kindOf(command)}`);
  if (command.length === 0 || command[0] === '') throw new InvalidOptionsError('exec: the command is empty');
  for (const argument of command) checkText(argument);
  return command;
}

/**
 * Returns the arguments to run a line with `/bin/sh`. Without `--` it takes a line that starts with a dash or a plus as
 * an option.
 */
export function shellLine(line: string): string[] {
  return /^[-+]/.test(line) ? ['/bin/sh', '-c', '--', line] : ['/bin/sh', '-c', line];
}

/** Returns the arguments to run a line from a user or a model: with bash if the image has it, else with `/bin/sh`. */
export function bashLine(line: string): string[] {
  return ['/bin/sh', '-c', BASH_OR_SH, 'sh', '-c', '--', line];
}

/** Moves a line that is too long for one argument into a file for the same shell. */
export function moveLongLine(argv: readonly string[]): { argv: readonly string[]; program?: Program } {
  const text = argv.at(-1)!;
  if (text.length * 3 < MAX_ARGUMENT || Buffer.byteLength(text) < MAX_ARGUMENT) return { argv };
  const at = argv.length - (argv.at(-2) === '--' ? 3 : 2);
  if (argv[at] !== '-c' || !SHELL.test(argv[0]!)) return { argv };
  const name = 'main.sh';
  return { argv: [...argv.slice(0, at), name], program: { name, text, at, warm: false } };
}

function checkText(argument: string): string {
  if (typeof argument !== 'string')
    throw new InvalidOptionsError(`exec: an argument is not a string but ${kindOf(argument)}`);
  if (argument.includes('\0'))
    throw new InvalidOptionsError('exec: an argument contains a NUL byte; arguments end at the first NUL');
  return argument;
}
