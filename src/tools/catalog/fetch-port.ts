import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { throwIfAborted } from '../../base/abort.js';
import { messageOf, RipcordError } from '../../base/errors.js';
import { OutputBuffer } from '../../command/output-buffer.js';
import { defineTool } from '../define.js';
import { excerpt } from '../excerpt.js';
import { sandboxField } from '../foreground.js';
import { noOutput } from '../output-shelf.js';
import { MAX_PICTURE_BYTES, type Picture, pictureType } from '../pictures.js';

export const fetchPort = defineTool({
  name: 'fetch_port',
  title: 'Send a request to a server in the sandbox',
  description:
    'Send an HTTP request to a server that listens on a port inside the sandbox (start it with spawn) and get the ' +
    'answer. Waits until something listens there. Redirects are shown, not followed. It reaches nothing but the sandbox.',
  input: z.strictObject({
    port: z.number().int().min(1).max(65_535),
    path: z.string().regex(/^\//).default('/').describe('Path and query, e.g. "/search?q=1".'),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.string().optional(),
    wait_seconds: z.number().min(0).max(50).default(5).describe('Maximum time to wait for the port to be open.'),
    timeout_seconds: z.number().positive().max(300).default(30).describe('Maximum time to wait for the answer.'),
    sandbox_id: sandboxField,
  }),
  output: z.strictObject({
    status: z.number().int(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
    size_bytes: z.number().int().describe('size of the body, as far as it was read'),
    truncated: z.boolean(),
    output_id: z.string().optional().describe('give it to read_output to read the rest'),
  }),
  readOnly: false,
  destructive: true,
  run: (input, { session, signal }) =>
    session.use({ id: input.sandbox_id, signal }, async (sandbox) => {
      const { port, path, method, headers, body } = input;
      const { maxAnswerBytes, maxKeptBytes } = session.options;
      if (input.wait_seconds > 0) {
        await sandbox.ports.waitFor(port, { timeoutMs: Math.ceil(input.wait_seconds * 1000), signal });
      }
      const limit = AbortSignal.timeout(Math.ceil(input.timeout_seconds * 1000));
      const either = signal ? AbortSignal.any([signal, limit]) : limit;
      const maxBytes = Math.max(maxKeptBytes, MAX_PICTURE_BYTES);
      let response: Response;
      let content: Buffer;
      try {
        response = await sandbox.ports.fetch(port, path, { method, headers, body, signal: either });
        content = await readUpTo(response, maxBytes);
      } catch (error) {
        throwIfAborted(signal, `fetching ${path}`);
        if (limit.aborted) {
          throw new RipcordError('time-limit', `No whole answer within ${input.timeout_seconds} s`, { cause: error });
        }
        if (error instanceof RipcordError) throw error;
        throw new RipcordError('command-failed', `The reply is not an HTTP answer: ${messageOf(error)}`, {
          cause: error,
        });
      }
      const answer = {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        size_bytes: content.length,
      };
      const title = `${response.status} ${response.statusText}, ${response.headers.get('content-type') ?? 'no type'}`;
      const mimeType = pictureType(content);
      if (mimeType && content.length <= MAX_PICTURE_BYTES) {
        const picture: Picture = { path, mimeType, bytes: content };
        return { value: { ...answer, body: '', truncated: false }, text: title, pictures: [picture] };
      }
      if (!isUtf8(content)) {
        const text = `${title}\n(${content.length} bytes that are not text)`;
        return { value: { ...answer, body: '', truncated: content.length > 0 }, text };
      }
      const kept = new OutputBuffer(maxBytes);
      kept.push(content);
      const tooLong = content.length > maxAnswerBytes;
      const cursor = { stdout: 0, stderr: 0 };
      const shelved = tooLong ? session.outputs.add({ stdout: kept, stderr: noOutput(), cursor }) : undefined;
      const shown = excerpt(kept, maxAnswerBytes, (offset) => `read_output {"id":"${shelved?.id}","offset":${offset}}`);
      cursor.stdout = shown.nextOffset;
      return {
        value: { ...answer, body: shown.text, truncated: tooLong, ...(shelved && { output_id: shelved.id }) },
        text: `${title}\n\n${shown.text}`,
      };
    }),
});

async function readUpTo(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    if ((size += chunk.length) >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}
