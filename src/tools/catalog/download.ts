import { z } from 'zod';
import { sandboxPath } from '../../sandbox/home-path.js';
import { copyOut } from '../copy-out.js';
import { defineTool } from '../define.js';
import { sandboxField } from '../foreground.js';

export const download = defineTool({
  name: 'download',
  title: "Copy files to the user's machine",
  description:
    "Copy a file or directory of the sandbox's workspace to the user's download directory, under the same relative path. " +
    'Use it for results the user asked for. An older file of that name is replaced. ' +
    'Files that programs there obey unasked (.git, .envrc, scripts in package.json …) are not copied, and files are not executable.',
  input: z.strictObject({
    path: z.string().min(1).describe('Relative to /workspace; "." for all of it.'),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({
    directory: z.string().describe("path on the user's machine"),
    files: z.array(z.string()),
    bytes: z.number().int(),
    refused: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
  }),
  readOnly: false,
  destructive: true,
  needs: 'download-directory',
  run: ({ path, sandbox_id: id }, { session, signal }) =>
    session.use({ id, signal }, async (sandbox) => {
      const directory = session.options.downloads!;
      const copied = await copyOut(sandbox, sandboxPath(sandbox, path), directory, signal);
      return {
        value: { directory, ...copied },
        text: [
          `${copied.files.length} files (${copied.bytes} bytes) copied to ${directory}`,
          ...copied.refused.map(({ path: name, reason }) => `not copied: ${name}: ${reason}`),
        ].join('\n'),
      };
    }),
});
