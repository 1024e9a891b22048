import { z } from 'zod';
import { RipcordError } from '../../errors.js';
import { defineTool } from '../define.js';
import { sandboxField } from '../foreground.js';

const MAX_FILE_BYTES = 16 * 1024 ** 2;

export const editFile = defineTool({
  name: 'edit_file',
  title: 'Change a part of a file',
  description:
    'Replace an exact piece of text in a file of the sandbox. The piece must occur exactly once, unless replace_all is ' +
    'set: give enough of its surroundings. Nothing is changed on an error.',
  input: z.strictObject({
    path: z.string().min(1).describe('Relative to /workspace, or absolute.'),
    old_text: z.string().min(1).describe('As it stands in the file, with its indentation and line ends.'),
    new_text: z.string(),
    replace_all: z.boolean().optional(),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({ path: z.string(), replacements: z.number().int() }),
  readOnly: false,
  destructive: true,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { path, old_text, new_text, replace_all } = input;
      const text = await sandbox.files.readText(path, { maxBytes: MAX_FILE_BYTES, signal });
      const parts = text.split(old_text);
      const found = parts.length - 1;
      if (found === 0) throw new RipcordError('invalid-options', `${path} does not contain old_text`);
      if (found > 1 && !replace_all) {
        throw new RipcordError('invalid-options', `${path} contains old_text ${found} times`, {
          hint: 'Give more of its surroundings, or set replace_all.',
        });
      }
      await sandbox.files.write(path, parts.join(new_text), { signal });
      return {
        value: { path, replacements: found },
        text: `${path}: ${found} ${found === 1 ? 'place' : 'places'} changed`,
      };
    }),
});
