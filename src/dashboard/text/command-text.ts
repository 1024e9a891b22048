/** Words that need no quotes in a shell command. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Command of every terminal of the dashboard. It starts bash if the image has it, else sh. */
export const TERMINAL_SHELL = ['sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'];

export const isTerminal = (command: string | readonly string[]): boolean =>
  command.length === TERMINAL_SHELL.length && TERMINAL_SHELL.every((word, index) => word === command[index]);

export function commandText(command: string | readonly string[]): string {
  if (typeof command === 'string') return command;
  // Show the command line of `sh -c` without the wrapper.
  if (command.length === 3 && /(^|\/)sh$/.test(command[0]!) && command[1] === '-c') return command[2]!;
  return command.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
