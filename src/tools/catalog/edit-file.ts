import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { sandboxPath } from '../../sandbox/home-path.js';
import { defineTool } from '../define.js';
import { pathField, sandboxField } from '../foreground.js';
import { nearMiss } from '../near-miss.js';
import { readWholeFile } from '../whole-file.js';

export const editFile = defineTool({
  name: 'edit_file',
  title: 'Change a part of a file',
  description:
    'Replace an exact piece of text in a file of the sandbox. The piece must occur exactly once, unless replace_all is ' +
    'set: give enough of its surroundings. Nothing is changed on an error.',
  input: z.strictObject({
    path: pathField,
    old_text: z.string().min(1).describe('Text as it stands in the file, with its indentation and line ends.'),
    new_text: z.string(),
    replace_all: z.boolean().optional(),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({ path: z.string(), replacements: z.number().int() }),
  readOnly: false,
  destructive: true,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { old_text, new_text, replace_all } = input;
      const path = sandboxPath(sandbox, input.path);
      const text = textOf(path, await readWholeFile(sandbox, path, signal));
      const { parts, replacement } = splitAt(text, old_text, new_text);
      const found = parts.length - 1;
      if (found === 0) throw notFound(path, text, old_text);
      if (found > 1 && !replace_all) {
        throw new RipcordError('invalid-options', `${path} contains old_text ${found} times`, {
          hint: 'Give more of its surroundings, or set replace_all.',
        });
      }
      await sandbox.files.write(path, parts.join(replacement), { signal });
      return {
        value: { path, replacements: found },
        text: `${path}: ${found} ${found === 1 ? 'place' : 'places'} changed`,
      };
    }),
});

/** Returns the error for a missing text. Models often get indentation wrong, so the hint names similar lines. */
function notFound(path: string, text: string, old: string): RipcordError {
  const near = nearMiss(text, old);
  const lines =
    near && (near.first === near.last ? `Line ${near.first} has` : `Lines ${near.first} to ${near.last} have`);
  return new RipcordError('invalid-options', `${path} does not contain old_text`, {
    hint:
      lines && `${lines} it with other white space: tabs, blanks or line ends. Take them as they stand in the file.`,
  });
}

/**
 * Decodes UTF-8.
 * @throws RipcordError for bytes that decoding would change
 */
function textOf(path: string, bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const utf16 = bytes.length >= 2 && ['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex'));
  throw new RipcordError(
    'invalid-options',
    `${path} is not UTF-8 text${utf16 ? ' but UTF-16' : ''}: nothing was changed`,
    {
      hint: 'Change it with a program in the sandbox that knows its encoding.',
    },
  );
}

const withLf = (text: string): string => text.replaceAll('\r\n', '\n');
const withCrlf = (text: string): string => withLf(text).replaceAll('\n', '\r\n');

/** Splits the text at each match. Models write LF, so a file with CRLF is matched, too, and keeps its line ends. */
function splitAt(text: string, old: string, replacement: string): { parts: string[]; replacement: string } {
  const exact = text.split(old);
  const crlfOnly = text.includes('\r\n') && !/(?<!\r)\n/.test(text);
  if (exact.length > 1) return { parts: exact, replacement: crlfOnly ? withCrlf(replacement) : replacement };
  const crlf = text.split(withCrlf(old));
  if (crlf.length > 1) return { parts: crlf, replacement: withCrlf(replacement) };
  return { parts: text.split(withLf(old)), replacement: withLf(replacement) };
}
