/** Formats errors of Ripcord itself for the terminal: the cause and a hint. A stack trace is shown only with RIPCORD_DEBUG. */
import { inspect } from 'node:util';
import { messageOf, RipcordError } from '../base/errors.js';
import { safeText } from '../base/harmless-text.js';
import { inCliWords } from './cli-words.js';
import { paint } from './terminal/paint.js';

const DEBUG = 'RIPCORD_DEBUG';

/** Returns the lines for stderr. Each ends in a newline. */
export function describeFailure(error: unknown): string {
  const colour = paint(process.stderr);
  if (process.env[DEBUG]) return `${inspect(error)}\n`;
  const { message, hint } = inCliWords(error);
  const lines = [`${colour.red('ripcord:')} ${safeText(message)}`];
  if (error instanceof RipcordError) {
    if (hint) lines.push(`${colour.dim('hint:')}    ${safeText(hint)}`);
  } else {
    lines.push(
      `${colour.dim('hint:')}    This error is unexpected. Run the command again with ${DEBUG}=1 to see its stack trace.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Returns the error as a document for `--json`. */
export function failureDocument(error: unknown): object {
  if (!(error instanceof RipcordError)) return { error: { code: 'unexpected', message: messageOf(error) } };
  const { code, details } = error;
  return { error: { code, ...inCliWords(error), details } };
}

/** Prints one line on stderr that begins with `ripcord:`. */
export function note(text: string): void {
  process.stderr.write(`${paint(process.stderr).dim('ripcord:')} ${safeText(text)}\n`);
}
