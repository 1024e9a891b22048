/** A command in one line, and its outcome. */
import { commandEnd, type Ended } from '../text/command-end.js';
import { commandText, isTerminal } from '../text/command-text.js';
import { safeLine } from '../text/safe-text.js';
import { Badge } from './badge.js';

export function CommandName({ argv }: { argv: readonly string[] }) {
  // Do not show the command line that starts the shell of a terminal: the user has not typed it.
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
