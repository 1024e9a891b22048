/** A command as a person would have typed it. */
const PLAIN = /^[\w@%+=:,./-]+$/;

export function commandText(command: string | readonly string[]): string {
  if (typeof command === 'string') return command;
  // A line for the shell was given as one, and is shown as one.
  if (command.length === 3 && /(^|\/)sh$/.test(command[0]!) && command[1] === '-c') return command[2]!;
  return command.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
