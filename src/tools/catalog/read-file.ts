import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { sandboxPath } from '../../sandbox/home-path.js';
import { defineTool } from '../define.js';
import { pathField, sandboxField } from '../foreground.js';
import { MAX_PICTURE_BYTES, pictureType } from '../pictures.js';
import { readWholeFile } from '../whole-file.js';

export const readFile = defineTool({
  name: 'read_file',
  title: 'Read a file',
  description:
    'Read a file of the sandbox: text by lines, a picture (PNG, JPEG, GIF, WebP) as an image, other bytes as base64 on ' +
    'request. Long texts come in parts; next_line is the line to continue at.',
  input: z.strictObject({
    path: pathField,
    line: z.number().int().min(1).default(1).describe('First line to read, counted from 1.'),
    max_lines: z.number().int().min(1).optional().describe('Default: as many as fit into an answer.'),
    encoding: z.enum(['utf8', 'base64']).default('utf8'),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({
    path: z.string(),
    content: z.string().describe('empty for a picture, which comes as an image'),
    encoding: z.enum(['utf8', 'base64']),
    size_bytes: z.number().int(),
    mime_type: z.string(),
    total_lines: z.number().int().optional(),
    next_line: z.number().int().optional().describe('first line of the next part, if there is one'),
    truncated: z.boolean(),
  }),
  readOnly: true,
  destructive: false,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { encoding } = input;
      const path = sandboxPath(sandbox, input.path);
      const bytes = await readWholeFile(sandbox, path, signal);
      const budget = session.options.maxAnswerBytes;
      const known = { path, size_bytes: bytes.length };
      const mime = pictureType(bytes);
      if (encoding === 'base64') {
        const content = bytes.subarray(0, budget).toString('base64');
        const truncated = bytes.length > budget;
        const mime_type = mime ?? 'application/octet-stream';
        return { value: { ...known, content, encoding, mime_type, truncated }, text: content };
      }
      if (mime && bytes.length <= MAX_PICTURE_BYTES) {
        return {
          value: { ...known, content: '', encoding, mime_type: mime, truncated: false },
          text: `${path}: a picture (${mime}, ${bytes.length} bytes)`,
          pictures: [{ path, mimeType: mime, bytes }],
        };
      }
      if (!isUtf8(bytes)) {
        const mime_type = mime ?? 'application/octet-stream';
        return {
          value: { ...known, content: '', encoding, mime_type, truncated: true },
          text: `${path} is not text (${bytes.length} bytes). Read it with encoding base64, or look at it with a program in the sandbox.`,
        };
      }
      const { content, total, next } = someLines(bytes.toString('utf8'), input.line, input.max_lines, budget);
      return {
        value: {
          ...known,
          content,
          encoding,
          mime_type: 'text/plain',
          total_lines: total,
          ...(next && { next_line: next }),
          truncated: next !== undefined,
        },
        text: input.line > Math.max(total, 1) ? `[${path} has ${total} lines]` : content + more(next, total),
      };
    }),
});

const more = (next: number | undefined, total: number): string =>
  next === undefined ? '' : `\n[line ${next} of ${total} is next]`;

function someLines(
  text: string,
  from: number,
  maxLines: number | undefined,
  budget: number,
): { content: string; total: number; next: number | undefined } {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const total = lines.length;
  const taken: string[] = [];
  let size = 0;
  for (const line of lines.slice(from - 1, from - 1 + (maxLines ?? total))) {
    const bytes = Buffer.byteLength(line) + 1;
    if (size + bytes > budget) {
      // A line that is longer than a whole answer is cut, so that reading can continue after it.
      if (taken.length === 0) taken.push(`${line.slice(0, budget)} [... cut, the line has ${bytes - 1} bytes]`);
      break;
    }
    taken.push(line);
    size += bytes;
  }
  const next = from + taken.length;
  const ended = next > total;
  const content = taken.join('\n') + (ended && taken.length > 0 && text.endsWith('\n') ? '\n' : '');
  return { content, total, next: ended ? undefined : next };
}
