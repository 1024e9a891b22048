/** Parses environment variables: one `NAME=value` per line. */
export function environmentOf(text: string): Record<string, string> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return Object.fromEntries(lines.map(variable));
}

/** Parses one line. A name alone is a variable with an empty value. */
function variable(line: string): [name: string, value: string] {
  const at = line.indexOf('=');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
