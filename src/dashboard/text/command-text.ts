/** A command as a person would have typed it. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** The command of every terminal of the dashboard: it starts bash where the image has it. The user has not typed it. */
export const TERMINAL_SHELL = ['sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'];

export const isTerminal = (command: string | readonly string[]): boolean =>
  command.length === TERMINAL_SHELL.length && TERMINAL_SHELL.every((word, index) => word === command[index]);

export function commandText(command: string | readonly string[]): string {
  if (typeof command === 'string') return command;
  // A line for the shell was given as one, and is shown as one.
  if (command.length === 3 && /(^|\/)sh$/.test(command[0]!) && command[1] === '-c') return command[2]!;
  return command.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
