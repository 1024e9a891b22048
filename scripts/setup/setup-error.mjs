/** A step of the set-up failed for a reason a person can do something about. */
export class SetupError extends Error {
  /**
   * @param {string} message what went wrong
   * @param {{ hint?: string, tail?: string[], cause?: unknown }} [more] what to do, and the last lines of the output
   */
  constructor(message, { hint, tail = [], cause } = {}) {
    super(message, { cause });
    this.name = 'SetupError';
    this.hint = hint;
    this.tail = tail;
  }
}

/**
 * Prints any error the way the set-up does: the message, the command's last lines, what to do.
 * @param {unknown} error
 */
export function printError(error) {
  const known = /** @type {{ message?: string, hint?: string, tail?: string[], stack?: string }} */ (error ?? {});
  // An error with a hint or a code was worded for a person; anything else is a defect and its stack is the message.
  const expected = error instanceof SetupError || known.hint !== undefined || 'code' in known;
  console.error(`\n${expected ? known.message : (known.stack ?? String(error))}`);
  for (const line of known.tail ?? []) console.error(`    ${line}`);
  if (known.hint) console.error(`\n${known.hint}`);
}
