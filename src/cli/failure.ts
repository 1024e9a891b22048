/** What a person reads when Ripcord itself fails: what was wrong and what can be done, never a stack. */
import { inspect } from 'node:util';
import { messageOf, RipcordError } from '../errors.js';
import { paint } from './terminal/paint.js';
import { safeText } from './terminal/safe-text.js';

const DEBUG = 'RIPCORD_DEBUG';

/** The lines for stderr, each ending in a newline. */
export function describeFailure(error: unknown): string {
  const colour = paint(process.stderr);
  if (process.env[DEBUG]) return `${inspect(error)}\n`;
  const lines = [`${colour.red('ripcord:')} ${safeText(messageOf(error))}`];
  if (error instanceof RipcordError) {
    if (error.hint) lines.push(`${colour.dim('hint:')}    ${safeText(error.hint)}`);
  } else {
    lines.push(
      `${colour.dim('hint:')}    This is not foreseen. Run it again with ${DEBUG}=1 to see where it comes from.`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The same for `--json`. */
export function failureDocument(error: unknown): object {
  if (!(error instanceof RipcordError)) return { error: { code: 'unexpected', message: messageOf(error) } };
  const { code, message, hint, details } = error;
  return { error: { code, message, hint, details } };
}

/** One line on stderr in Ripcord's name. */
export function note(text: string): void {
  process.stderr.write(`${paint(process.stderr).dim('ripcord:')} ${safeText(text)}\n`);
}
