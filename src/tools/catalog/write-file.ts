import { z } from 'zod';
import { sandboxPath } from '../../sandbox/home-path.js';
import { defineTool } from '../define.js';
import { pathField, sandboxField } from '../foreground.js';

export const writeFile = defineTool({
  name: 'write_file',
  title: 'Write a file',
  description:
    'Write a file in the sandbox, making its directories. The whole content of an existing file is replaced. To change a part ' +
    'of a file use edit_file.',
  input: z.strictObject({
    path: pathField,
    content: z.string(),
    encoding: z.enum(['utf8', 'base64']).default('utf8').describe('base64 for bytes that are not text.'),
    append: z.boolean().optional().describe('Add to the end instead.'),
    executable: z.boolean().optional(),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({ path: z.string(), bytes: z.number().int(), note: z.string().optional() }),
  readOnly: false,
  destructive: true,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { encoding, append, executable } = input;
      const path = sandboxPath(sandbox, input.path);
      const content = Buffer.from(input.content, encoding);
      await sandbox.files.write(path, content, { append, mode: executable ? 0o755 : undefined, signal });
      const note = session.takeNotice();
      return {
        value: { path, bytes: content.length, ...(note && { note }) },
        text: [`${content.length} bytes written to ${path}`, note].filter(Boolean).join('\n'),
      };
    }),
});
