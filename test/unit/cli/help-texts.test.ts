/** Every text of the command line's help reads alone: the rules of CONTRIBUTING.md, as for comments. */
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { proseProblem } from '../../../scripts/lint/comments.mjs';
import type { CliContext } from '../../../src/cli/context.js';
import { createProgram } from '../../../src/cli/program.js';

/** Words that continue a sentence which the reader does not see: the description of the command. */
const FRAGMENT =
  /^(?:of|for|from|with|without|at|at most|in|on|to|that|which|where|what|only|also|not|nothing|instead|the same|else|it|its)\b/i;

/** Begins with a capital letter, as the rules expect of a sentence. */
const asSentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

function problemOf(text: string): string | undefined {
  if (text.trim() === '') return 'is empty';
  if (FRAGMENT.test(text)) return 'begins with a fragment: complete "Use this option to …", or begin with a noun';
  return proseProblem(asSentence(text));
}

/** Returns each text of a command and its subcommands, with the place where it is shown. */
function textsOf(command: Command, name: string): [place: string, text: string][] {
  const own: [string, string][] = [[`${name}: description`, command.description()]];
  if (command.summary() !== '') own.push([`${name}: summary`, command.summary()]);
  for (const { flags, description } of command.options) own.push([`${name} ${flags}`, description]);
  for (const argument of command.registeredArguments) {
    own.push([`${name} <${argument.name()}>`, argument.description]);
  }
  return [...own, ...command.commands.flatMap((child) => textsOf(child, `${name} ${child.name()}`))];
}

const texts = textsOf(await createProgram({} as CliContext), 'ripcord');

it('covers the options, arguments and commands of the program', () => {
  const places = texts.map(([place]) => place);
  expect(places).toEqual(
    expect.arrayContaining(['ripcord --docker <url>', 'ripcord run <file>', 'ripcord images build: summary']),
  );
  expect(texts.length).toBeGreaterThan(130);
});

it.each(texts)('%s: "%s" reads alone', (_place, text) => {
  expect(problemOf(text)).toBeUndefined();
});

it.each([
  'of a command that asks for none (default: 45s)',
  'at most',
  'with --allow: the proxy this machine connects through',
  'that compete in an iteration',
  'what callers may reach is reached through this proxy',
  'commit nothing before somebody approved it',
])('finds the fragment %s', (text) => {
  expect(problemOf(text)).toBeTypeOf('string');
});
