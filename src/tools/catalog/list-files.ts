import { z } from 'zod';
import { sandboxPath } from '../../sandbox/home-path.js';
import { defineTool } from '../define.js';
import { pathField, sandboxField } from '../foreground.js';

const MAX_ENTRIES = 20_000;
const SHOWN = 500;

export const listFiles = defineTool({
  name: 'list_files',
  title: 'List files',
  description: 'List the entries of a directory of the sandbox, with kinds and sizes, down to depth levels.',
  input: z.strictObject({
    path: pathField.default('.'),
    depth: z.number().int().min(1).max(64).default(1),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({
    path: z.string(),
    entries: z.array(
      z.strictObject({
        path: z.string().describe('path relative to the directory'),
        kind: z.enum(['file', 'directory', 'link', 'other']),
        size_bytes: z.number().int(),
        link_target: z.string().optional(),
      }),
    ),
    total: z.number().int().describe('number of all entries; only the first ones are listed'),
  }),
  readOnly: true,
  destructive: false,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { depth } = input;
      const path = sandboxPath(sandbox, input.path);
      const found = await sandbox.files.list(path, { depth, maxEntries: MAX_ENTRIES, signal });
      const entries = found.slice(0, SHOWN).map(({ path: name, kind, size, linkTarget }) => ({
        path: name,
        kind,
        size_bytes: size,
        ...(linkTarget !== undefined && { link_target: linkTarget }),
      }));
      const lines = entries.map(({ path: name, kind, size_bytes, link_target }) =>
        kind === 'directory' ? `${name}/` : kind === 'link' ? `${name} -> ${link_target}` : `${name} (${size_bytes})`,
      );
      if (found.length > SHOWN) lines.push(`[${found.length - SHOWN} more: list a subdirectory]`);
      return { value: { path, entries, total: found.length }, text: lines.join('\n') || '(empty)' };
    }),
});
