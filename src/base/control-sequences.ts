/** Takes terminal escape sequences out of text, in time that grows with its length only. */

/**
 * ECMA-48: control sequences (`ESC [`, also one cut off at the end), strings ended by BEL or ST (OSC, DCS, SOS, PM, APC), and
 * short escapes. No class has a character that another sequence begins with, so a failed match is looked at once.
 */
const SEQUENCES = new RegExp(
  [
    '(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*(?:[@-~]|$)',
    '(?:\\x1b[PX\\]^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\x1b\\x80-\\x9f]*(?:\\x07|\\x1b\\\\|\\x9c)',
    '\\x1b[ -/]*[0-~]',
  ].join('|'),
  'g',
);

/**
 * Node's `stripVTControlCharacters` takes quadratic time for `ESC` followed by `;?;?…`: 0.1 s for 8 KiB, half an hour for
 * 1 MiB.
 */
export function stripControlSequences(text: string): string {
  return text.replace(SEQUENCES, '');
}
