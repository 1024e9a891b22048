import { z } from 'zod';
import { RipcordError, TaskAbortedError } from '../../base/errors.js';
import type { OutputBuffer } from '../../command/output-buffer.js';
import { BackgroundCommand } from '../background-command.js';
import { describeEnd, explainOutcome, outcomeFields } from '../command-report.js';
import { defineTool } from '../define.js';
import { decode } from '../excerpt.js';
import type { ToolSession } from '../session.js';

const MAX_WAIT_SECONDS = 50;

const piece = z.strictObject({
  text: z.string(),
  offset: z.number().int().describe('offset in bytes at which the text begins'),
  next_offset: z.number().int(),
  total_bytes: z.number().int().describe('size of all output so far'),
});

export const readOutput = defineTool({
  name: 'read_output',
  title: 'Read more output',
  description:
    'Read the output of a command started with spawn, or the omitted part of a long result. Without an offset each call ' +
    'returns the next part that you have not seen; with an offset, any part again. wait_seconds waits for new output or ' +
    'for the end. The result shows whether a background command still runs and how it ended.',
  input: z.strictObject({
    id: z.string().describe('The command_id of spawn, or the output_id of a truncated result.'),
    stream: z
      .enum(['stdout', 'stderr'])
      .optional()
      .describe('Stream to read. Default: both; stdout if an offset is given.'),
    offset: z.number().int().min(0).optional().describe('First byte to read.'),
    max_bytes: z.number().int().min(1).optional().describe('Maximum number of bytes of each stream.'),
    wait_seconds: z
      .number()
      .min(0)
      .max(MAX_WAIT_SECONDS)
      .optional()
      .describe('Maximum time to wait for new output. Default: 0, answer at once.'),
  }),
  output: z.strictObject({
    id: z.string(),
    running: z.boolean(),
    ...Object.fromEntries(Object.entries(outcomeFields).map(([name, schema]) => [name, schema.optional()])),
    stdout: piece.optional(),
    stderr: piece.optional(),
    note: z.string().optional(),
  }),
  readOnly: true,
  destructive: false,
  run: async ({ id, stream, offset, max_bytes, wait_seconds = 0 }, { session, signal }) => {
    const source = find(session, id);
    const command = source instanceof BackgroundCommand ? source : undefined;
    if (command && offset === undefined && wait_seconds > 0) await command.news(wait_seconds * 1000, signal);
    if (command && !command.running) await command.ended;
    if (signal?.aborted) throw new TaskAbortedError('Aborted while waiting for output', { cause: signal.reason });
    const limit = Math.min(max_bytes ?? session.options.maxAnswerBytes, session.options.maxAnswerBytes);
    const wanted = stream ? [stream] : offset === undefined ? (['stdout', 'stderr'] as const) : (['stdout'] as const);
    const pieces: { stdout?: z.input<typeof piece>; stderr?: z.input<typeof piece> } = {};
    for (const name of wanted) {
      const read = readPiece(source[name], offset ?? source.cursor[name], limit);
      if (offset === undefined) source.cursor[name] = read.next_offset;
      pieces[name] = read;
    }
    const result = command?.result;
    const note = command?.lost ?? (result && explainOutcome(result));
    return {
      value: {
        id,
        running: command?.running ?? false,
        ...(result && { outcome: result.outcome, exit_code: result.exitCode, signal: result.signal }),
        ...pieces,
        ...(note && { note }),
      },
      text: [
        command?.running ? 'running' : result && describeEnd(result),
        note,
        ...wanted.map((name) => describe(name, pieces[name]!, offset ?? 0)),
      ]
        .filter(Boolean)
        .join('\n'),
    };
  },
});

function find(session: ToolSession, id: string) {
  const found = session.commands.get(id) ?? session.outputs.get(id);
  if (found) return found;
  const known = [...session.commands.keys()];
  throw new RipcordError('invalid-options', `There is no output '${id}' (any more)`, {
    hint: known.length > 0 ? `Commands: ${known.join(', ')}.` : 'Run the command again.',
  });
}

function readPiece(output: OutputBuffer, offset: number, maxBytes: number): z.input<typeof piece> {
  const { bytes, offset: from, nextOffset } = output.read(offset, maxBytes);
  return { text: decode(bytes), offset: from, next_offset: nextOffset, total_bytes: output.totalBytes };
}

function describe(
  name: string,
  { text, offset, next_offset, total_bytes }: z.input<typeof piece>,
  asked: number,
): string {
  if (total_bytes === 0 && name === 'stderr') return '';
  const left = total_bytes - next_offset;
  return [
    `${name}, bytes ${offset} to ${next_offset} of ${total_bytes}${asked > 0 && offset > asked ? ' (what lies before was not kept)' : ''}:`,
    text,
    left > 0 ? `[${left} bytes more]` : '',
  ]
    .filter(Boolean)
    .join('\n');
}
