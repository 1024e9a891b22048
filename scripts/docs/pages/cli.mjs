/** Page of the command line, from the help that the commands print. */
import { block, page } from '../markdown.mjs';

const WIDTH = 110;

/** @param program The `ripcord` command of commander, with all of its commands. */
export function cliPage(program) {
  return page(
    'Command line',
    'The help of every command: `ripcord help <command>` prints it.',
    sections(program, 'ripcord'),
  );
}

function sections(command, name) {
  const below = command.commands.filter((one) => one.name() !== 'help');
  return [
    `## ${name}`,
    block(helpOf(command), 'text'),
    ...below.flatMap((one) => sections(one, `${name} ${one.name()}`)),
  ];
}

/** Returns the help with all that is added to it, at a width that does not depend on the terminal. */
function helpOf(command) {
  const written = [];
  command.configureHelp({ helpWidth: WIDTH });
  command.configureOutput({ writeOut: (text) => written.push(text), getOutHasColors: () => false });
  command.outputHelp();
  return written.join('').trim();
}
