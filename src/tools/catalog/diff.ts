import path from 'node:path';
import { z } from 'zod';
import { OutputBuffer } from '../../command/output-buffer.js';
import { defineTool } from '../define.js';
import { excerpt } from '../excerpt.js';
import { sandboxField } from '../foreground.js';
import { noOutput } from '../output-shelf.js';

const SHOWN = 500;
const IGNORED_SHOWN = 50;

export const diff = defineTool({
  name: 'diff',
  title: 'Show what changed',
  description:
    'Show the changes in /workspace since the sandbox was made: the changed files, and a unified diff of their contents ' +
    'against the initial files.',
  input: z.strictObject({
    sandbox_id: sandboxField,
    default_ignores: z
      .boolean()
      .optional()
      .describe('false: include new caches and dependency trees (__pycache__, node_modules, .venv …)'),
  }),
  output: z.strictObject({
    changes: z.array(
      z.strictObject({
        path: z.string(),
        change: z.enum(['added', 'modified', 'deleted', 'mode-changed', 'type-changed']),
        kind: z.enum(['file', 'directory', 'link', 'other']),
      }),
    ),
    total: z.number().int().describe('number of all changes; only the first ones are listed'),
    ignored: z.array(z.string()).describe('the first new caches and dependency trees that were left out'),
    patch: z.string(),
    truncated: z.boolean(),
    output_id: z.string().optional().describe('give it to read_output to read the rest of the patch'),
  }),
  readOnly: true,
  destructive: false,
  run: ({ sandbox_id: id, default_ignores: defaultIgnores }, { session, signal }) =>
    session.use({ id, signal }, async (sandbox) => {
      const { maxKeptBytes, maxAnswerBytes } = session.options;
      // The target does not exist: the changes are compared only with the initial files.
      const nothing = path.join(sandbox.parts.directory, 'nothing');
      const plan = await sandbox.prepareCommit(nothing, { signal, defaultIgnores: defaultIgnores ?? true });
      const patch = new OutputBuffer(maxKeptBytes);
      patch.push(Buffer.from(await plan.unifiedDiff({ maxBytes: maxKeptBytes, signal })));
      const tooLong = patch.totalBytes > maxAnswerBytes;
      const cursor = { stdout: 0, stderr: 0 };
      const shelved = tooLong ? session.outputs.add({ stdout: patch, stderr: noOutput(), cursor }) : undefined;
      const shown = excerpt(
        patch,
        maxAnswerBytes,
        (offset) => `read_output {"id":"${shelved?.id}","offset":${offset}}`,
      );
      cursor.stdout = shown.nextOffset;
      const changes = plan.changes
        .slice(0, SHOWN)
        .map(({ path: name, change, kind }) => ({ path: name, change, kind }));
      return {
        value: {
          changes,
          total: plan.changes.length,
          ignored: plan.ignored.slice(0, IGNORED_SHOWN),
          patch: shown.text,
          truncated: tooLong,
          ...(shelved && { output_id: shelved.id }),
        },
        text: plan.changes.length === 0 ? 'nothing has changed' : `${plan.summary()}\n${shown.text}`,
      };
    }),
});
