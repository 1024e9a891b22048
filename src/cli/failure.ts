/** What a person reads when Ripcord itself fails: what was wrong and what can be done, never a stack. */
import { inspect } from 'node:util';
import { messageOf, RipcordError } from '../base/errors.js';
import { safeText } from '../base/harmless-text.js';
import { inCliWords } from './cli-words.js';
import { paint } from './terminal/paint.js';

const DEBUG = 'RIPCORD_DEBUG';

/** The lines for stderr, each ending in a newline. */
export function describeFailure(error: unknown): string {
  const colour = paint(process.stderr);
  if (process.env[DEBUG]) return `${inspect(error)}\n`;
  const { message, hint } = inCliWords(error);
  const lines = [`${colour.red('ripcord:')} ${safeText(message)}`];
  if (error instanceof RipcordError) {
    if (hint) lines.push(`${colour.dim('hint:')}    ${safeText(hint)}`);
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
  const { code, details } = error;
  return { error: { code, ...inCliWords(error), details } };
}

/** One line on stderr in Ripcord's name. */
export function note(text: string): void {
  process.stderr.write(`${paint(process.stderr).dim('ripcord:')} ${safeText(text)}\n`);
}
