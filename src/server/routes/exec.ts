/** Routes that run commands and code to their end. They answer with the result, or with events during the run. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ExecOptions } from '../../command/options.js';
import type { ExecResult } from '../../command/outcome.js';
import { refusalOf } from '../../http/error-status.js';
import { execBody, runCodeBody, type WireResult, wireResultSchema } from '../../wire/commands.js';
import { errorSchema } from '../../wire/errors.js';
import { sandboxParams } from '../../wire/fields.js';
import { encodeResult } from '../../wire/result.js';
import type { App, ServerContext } from '../context.js';
import { SseStream, sseHeaders, wantsEvents } from '../sse.js';
import { execSession } from '../ws/exec-session.js';
import { sandboxOf } from './scope.js';

type Body = Pick<z.output<typeof execBody>, 'encoding' | 'stdin'>;
type Chunk = string | Uint8Array;
/** Options of `exec` for either encoding. Only the body of a request determines which. */
type Options = Omit<ExecOptions<Chunk>, 'encoding'> & { encoding?: never };
type Run = (options: Options) => Promise<ExecResult<Chunk>>;

export function addExec(app: App, context: ServerContext): void {
  const tags = ['commands'];
  const response = {
    200: wireResultSchema,
    400: errorSchema,
    404: errorSchema,
    410: errorSchema,
    499: errorSchema,
  };
  app.post(
    '/v1/sandboxes/:id/exec',
    {
      schema: {
        tags,
        summary: 'Run a command to its end; with `Accept: text/event-stream` the events stdout, stderr, result, error',
        params: sandboxParams,
        body: execBody,
        response,
      },
    },
    async (request, reply) => {
      const sandbox = sandboxOf(context, request);
      const { command, encoding, stdin, ...options } = request.body;
      return run(request, reply, context, { encoding, stdin }, (more) =>
        sandbox.exec(command, { ...options, ...more }),
      );
    },
  );
  app.get('/v1/sandboxes/:id/exec', { websocket: true }, (socket, request) => execSession(socket, request, context));
  app.post(
    '/v1/sandboxes/:id/run-code',
    {
      schema: {
        tags,
        summary: 'Run a program given as text; the answer is that of exec',
        params: sandboxParams,
        body: runCodeBody,
        response,
      },
    },
    async (request, reply) => {
      const sandbox = sandboxOf(context, request);
      const { code, encoding, stdin, ...options } = request.body;
      return run(request, reply, context, { encoding, stdin }, (more) =>
        sandbox.runCode(code, { ...options, ...more }),
      );
    },
  );
}

async function run(
  request: FastifyRequest,
  reply: FastifyReply,
  { calls }: ServerContext,
  { encoding, stdin }: Body,
  command: Run,
): Promise<WireResult> {
  const signal = calls.signalOf(request, reply);
  // Request text if the client wants text. It differs from the bytes: it has a note where output was dropped.
  const isText = encoding === 'utf8';
  const options = { ...stdinOf(stdin), signal, ...(!isText && { encoding: 'buffer' }) } as Options;
  const toWire = (result: ExecResult<Chunk>): WireResult => (isText ? (result as ExecResult) : encodeResult(result));
  if (!wantsEvents(request.headers.accept)) return toWire(await command(options));
  const events = new SseStream();
  // Return the promise: it makes the command wait for the reader.
  const send = (name: string) => (chunk: Chunk) =>
    events.event(
      name,
      JSON.stringify({ data: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('base64') }),
    );
  command({ ...options, onStdout: send('stdout'), onStderr: send('stderr') })
    .then(
      (result) => events.event('result', JSON.stringify(toWire(result))),
      (error) => events.event('error', JSON.stringify(refusalOf(error).document.error)),
    )
    .finally(() => events.end())
    .catch(() => events.destroy());
  sseHeaders(reply);
  return reply.send(events) as unknown as Promise<WireResult>;
}

function stdinOf(stdin: Body['stdin']): { stdin?: string | Buffer } {
  if (stdin === undefined) return {};
  return { stdin: typeof stdin === 'string' ? stdin : Buffer.from(stdin.base64, 'base64') };
}
