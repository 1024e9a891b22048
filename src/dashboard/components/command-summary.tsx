/** A command in a line, and how it ended. */
import { commandEnd, type Ended } from '../text/command-end.js';
import { commandText, isTerminal } from '../text/command-text.js';
import { safeLine } from '../text/safe-text.js';
import { Badge } from './badge.js';

export function CommandName({ argv }: { argv: readonly string[] }) {
  // The user has not typed the line that starts a terminal's shell.
  if (isTerminal(argv)) return <span>Terminal</span>;
  const text = commandText(argv);
  return (
    <code class="one-line" title={safeLine(text)}>
      <bdi>{safeLine(text, 300)}</bdi>
    </code>
  );
}

export function CommandEnd({ command }: { command: Ended }) {
  const { text, tone } = commandEnd(command);
  return (
    <Badge state={text} tone={tone}>
      {safeLine(text, 40)}
    </Badge>
  );
}
