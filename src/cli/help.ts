/** Returns the examples at the end of a command's help, in two aligned columns. */
export function examples(lines: readonly (readonly [command: string, meaning: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const rows = lines.map(([command, meaning]) => `  ${command.padEnd(width)}   ${meaning}`);
  return `\nExamples:\n${rows.join('\n')}\n`;
}
