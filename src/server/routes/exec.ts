/** Commands and code, run to their end: one answer, or events while they run. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExecOptions } from '../../command/options.js';
import type { ExecResult } from '../../command/outcome.js';
import { refusalOf } from '../../http/error-status.js';
import { encodeResult } from '../../wire/result.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { errorSchema, execBody, execResultSchema, runCodeBody, sandboxParams } from '../schemas.js';
import { SseStream, sseHeaders, wantsEvents } from '../sse.js';
import { execSession } from '../ws/exec-session.js';

type Bytes = ExecOptions<Uint8Array> & { encoding: 'buffer' };
type Run = (options: Bytes) => Promise<ExecResult<Uint8Array>>;
interface Wire {
  encoding: 'utf8' | 'base64';
  stdin?: string | { base64: string } | undefined;
}

export function addExec(app: App, context: ServerContext): void {
  const { sandboxes } = context;
  const tags = ['commands'];
  const response = { 200: execResultSchema, 400: errorSchema, 404: errorSchema, 410: errorSchema, 499: errorSchema };
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
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      const { command, encoding, stdin, ...options } = request.body;
      const given = { ...options, ...stdinOf(stdin) };
      const text = (more: ExecOptions) => sandbox.exec(command, { ...given, ...more });
      return run(request, reply, context, { encoding }, text, (more) => sandbox.exec(command, { ...given, ...more }));
    },
  );
  app.get('/v1/sandboxes/:id/exec', { websocket: true }, (socket, request) => execSession(socket, request, context));
  app.post(
    '/v1/sandboxes/:id/run-code',
    {
      schema: {
        tags,
        summary: 'Run a program given as text; answers as exec does',
        params: sandboxParams,
        body: runCodeBody,
        response,
      },
    },
    async (request, reply) => {
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      const { code, encoding, stdin, ...options } = request.body;
      const given = { ...options, ...stdinOf(stdin) };
      const text = (more: ExecOptions) => sandbox.runCode(code, { ...given, ...more });
      return run(request, reply, context, { encoding }, text, (more) => sandbox.runCode(code, { ...given, ...more }));
    },
  );
}

async function run(
  request: FastifyRequest,
  reply: FastifyReply,
  { calls }: ServerContext,
  { encoding }: Pick<Wire, 'encoding'>,
  text: (options: ExecOptions) => Promise<ExecResult>,
  bytes: Run,
): Promise<unknown> {
  const signal = calls.signalOf(request, reply);
  if (wantsEvents(request.headers.accept)) return stream(reply, encoding, signal, text, bytes);
  return encoding === 'utf8' ? text({ signal }) : encodeResult(await bytes({ signal, encoding: 'buffer' }));
}

function stream(
  reply: FastifyReply,
  encoding: Wire['encoding'],
  signal: AbortSignal,
  text: (options: ExecOptions) => Promise<ExecResult>,
  bytes: Run,
): FastifyReply {
  const events = new SseStream();
  // A promise makes the command wait for the reader.
  const tell = (name: string) => (chunk: string | Uint8Array) =>
    events.event(
      name,
      JSON.stringify({ data: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('base64') }),
    );
  const callbacks = { signal, onStdout: tell('stdout'), onStderr: tell('stderr') };
  const running =
    encoding === 'utf8'
      ? text(callbacks)
      : bytes({ ...callbacks, encoding: 'buffer' }).then((result) => encodeResult(result));
  running
    .then(
      (result) => events.event('result', JSON.stringify(result)),
      (error) => events.event('error', JSON.stringify(refusalOf(error).document.error)),
    )
    .finally(() => events.end())
    .catch(() => events.destroy());
  sseHeaders(reply);
  return reply.send(events);
}

function stdinOf(stdin: Wire['stdin']): { stdin?: string | Buffer } {
  if (stdin === undefined) return {};
  return { stdin: typeof stdin === 'string' ? stdin : Buffer.from(stdin.base64, 'base64') };
}
