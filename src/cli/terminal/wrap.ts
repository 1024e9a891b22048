/** Breaks `text` at spaces so that it fits the terminal, each further line indented. If `stream` is not a terminal, the text stays one line. */
export function wrap(text: string, indent: number, stream: NodeJS.WriteStream = process.stdout): string {
  if (!stream.isTTY) return text;
  const room = Math.max(30, (stream.columns || 80) - indent - 1);
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
