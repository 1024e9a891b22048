/**
 * `WS /v1/sandboxes/:id/exec`: one command with its streams. Output messages are binary: a byte for the channel
 * (1 stdout, 2 stderr), then the output. Binary messages of the client are stdin. Closing the socket kills the tree.
 */
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { InvalidOptionsError, RipcordError } from '../../base/errors.js';
import type { CommandHandle } from '../../command/command-handle.js';
import type { CommandResult } from '../../command/outcome.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { STDERR, STDOUT, type WireChannel } from '../../wire/channels.js';
import type { WireResult } from '../../wire/commands.js';
import type { ChannelName } from '../../wire/fields.js';
import { type ExecAnswer, type ExecMessage, execMessageSchema } from '../../wire/messages.js';
import { encodeResult } from '../../wire/result.js';
import { callerOf } from '../call.js';
import type { ServerContext } from '../context.js';
import { CreditWindow } from './credit-window.js';
import { openSession } from './open-session.js';
import { CloseCode, type SocketSession } from './socket-session.js';
import { StdinQueue } from './stdin-queue.js';

type Begin = Extract<ExecMessage, { type: 'start' | 'exec' | 'run-code' }>;

export function execSession(
  socket: WebSocket,
  request: FastifyRequest<{ Params: unknown }>,
  context: ServerContext,
): void {
  const { id } = request.params as { id: string };
  const session = openSession<ExecAnswer>(socket, context, 'exec');
  let sandbox: Sandbox;
  try {
    sandbox = context.sandboxes.get(callerOf(request), id);
  } catch (error) {
    void session.error(error);
    session.close(CloseCode.POLICY, 'no such sandbox');
    return;
  }
  let running: RunningCommand | undefined;
  session.onMessage(
    execMessageSchema,
    (message) => {
      if ('command' in message || 'code' in message) {
        if (running) throw new InvalidOptionsError('this socket already has a command');
        running = new RunningCommand(session, sandbox, message, context.options.patience.closeBytes);
        void running.run();
        return;
      }
      if (!running) throw new InvalidOptionsError(`${message.type}: nothing was started`);
      running.take(message);
    },
    (bytes) => {
      if (!running) throw new InvalidOptionsError('stdin: nothing was started');
      running.stdin.push(bytes);
    },
  );
}

class RunningCommand {
  readonly stdin: StdinQueue;
  readonly #session: SocketSession<ExecAnswer>;
  readonly #sandbox: Sandbox;
  readonly #begin: Begin;
  readonly #abort = new AbortController();
  readonly #windows: Record<ChannelName, CreditWindow>;
  #handle: CommandHandle | undefined;
  #detached = false;

  constructor(session: SocketSession<ExecAnswer>, sandbox: Sandbox, begin: Begin, maxStdinBytes: number) {
    this.#session = session;
    this.#sandbox = sandbox;
    this.#begin = begin;
    this.stdin = new StdinQueue(maxStdinBytes, (bytes) => void session.json({ type: 'stdin_ack', bytes }));
    if (!begin.stdin) this.stdin.end();
    const { window = Number.POSITIVE_INFINITY } = begin;
    this.#windows = { stdout: new CreditWindow(window), stderr: new CreditWindow(window) };
    session.gone.addEventListener('abort', () => this.#end(session.gone.reason), { once: true });
  }

  async run(): Promise<void> {
    try {
      const result = this.#begin.type === 'start' ? await this.#spawn(this.#begin) : await this.#exec(this.#begin);
      await this.#session.json({ type: 'result', result });
    } catch (error) {
      await this.#session.error(error);
    }
    this.#session.close();
  }

  take(message: Exclude<ExecMessage, Begin>): void {
    switch (message.type) {
      case 'stdin':
        return this.stdin.push(Buffer.from(message.data, 'base64'));
      case 'stdin_end':
        return this.stdin.end();
      case 'ack':
        return this.#windows[message.channel].give(message.bytes);
      case 'resize':
        return this.#handle?.resize(message.cols, message.rows);
      case 'kill':
        // A command that has not started yet cannot receive a signal.
        if (this.#handle) this.#handle.kill(message.signal).catch((error) => this.#session.error(error));
        else if (message.signal === undefined) this.#cancel(new Error('killed'));
        return;
      case 'abort':
        return this.#cancel(new Error('aborted by the client'));
      case 'detach':
        this.#detached = true;
        return this.#handle?.detach();
    }
  }

  #end(reason: unknown): void {
    if (this.#detached) this.#dropOutput();
    else this.#cancel(reason);
    this.stdin.end();
  }

  #cancel(reason: unknown): void {
    this.#abort.abort(reason);
    // The answer follows the output: do not wait for acknowledgements of output that is discarded.
    this.#dropOutput();
  }

  #dropOutput(): void {
    for (const window of Object.values(this.#windows)) window.close();
  }

  async #spawn(begin: Extract<Begin, { type: 'start' }>): Promise<CommandResult> {
    const { type: _, command, window: __, stdin, ...options } = begin;
    const signal = this.#abort.signal;
    const handle = await this.#sandbox.spawn(command, { ...options, stdin: stdin ? 'pipe' : 'ignore', signal });
    this.#handle = handle;
    if (handle.pid !== undefined) await this.#session.json({ type: 'started', pid: handle.pid });
    const feeding = this.#feed(handle);
    const reading = [this.#forward(handle.stdout, 'stdout'), this.#forward(handle.stderr, 'stderr')];
    // Send the output before the result, so that a client with the result has all output.
    await Promise.all(reading);
    const result = await handle.wait();
    this.stdin.end();
    await feeding;
    return result;
  }

  async #exec(begin: Exclude<Begin, { type: 'start' }>): Promise<WireResult> {
    const { window: _, stdin, encoding: __, ...rest } = begin;
    const common = {
      ...(stdin && { stdin: this.stdin.read() }),
      signal: this.#abort.signal,
      onStdout: (chunk: string | Uint8Array) => this.#sendOutput('stdout', Buffer.from(chunk as Uint8Array)),
      onStderr: (chunk: string | Uint8Array) => this.#sendOutput('stderr', Buffer.from(chunk as Uint8Array)),
    };
    // Request text if the client wants text. It differs from the bytes: it has a note where output was dropped.
    const encode = begin.encoding === 'buffer' ? { encoding: 'buffer' as const } : {};
    if (rest.type === 'exec') {
      const { type: ___, command, ...options } = rest;
      return encodeResult(await this.#sandbox.exec(command, { ...options, ...common, ...encode } as never));
    }
    const { type: ___, code, ...options } = rest;
    return encodeResult(await this.#sandbox.runCode(code, { ...options, ...common, ...encode } as never));
  }

  async #forward(output: AsyncIterable<Buffer>, name: ChannelName): Promise<void> {
    try {
      for await (const chunk of output) await this.#sendOutput(name, chunk);
    } catch (error) {
      // The streams of a detached command are destroyed. Any other end of the command is in its result.
      if (error instanceof RipcordError) throw error;
    }
  }

  async #sendOutput(name: ChannelName, bytes: Buffer): Promise<void> {
    const window = this.#windows[name];
    const head: WireChannel = name === 'stdout' ? STDOUT : STDERR;
    for (let at = 0; at < bytes.length; ) {
      const granted = await window.take(bytes.length - at);
      if (granted === 0) return;
      await this.#session.send(Buffer.concat([Buffer.of(head), bytes.subarray(at, at + granted)]));
      at += granted;
    }
  }

  async #feed({ stdin }: CommandHandle): Promise<void> {
    if (!stdin) return;
    for await (const bytes of this.stdin.read()) {
      if (!stdin.writable) continue;
      await new Promise<void>((resolve) => stdin.write(bytes, () => resolve()));
    }
    stdin.end();
  }
}
