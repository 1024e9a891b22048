/** Runs a command to its end and collects its output: `sandbox.exec()`. */
import { AsyncResource } from 'node:async_hooks';
import type { z } from 'zod';
import { type Channel, SpawnFlag, type SpawnRequest, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream } from '../agent/stream.js';
import { deferred, onAbort, within } from '../base/abort.js';
import { chunkOf } from '../base/content.js';
import { EngineLostError, SandboxLostError, TaskAbortedError } from '../base/errors.js';
import { Command, type CommandHost, type OutputSink } from './command.js';
import type { execSchema, StdinSource } from './options.js';
import type { CommandResult, ExecResult } from './outcome.js';
import { headBytes, OutputBuffer } from './output-buffer.js';
import { STREAM_WINDOW } from './streams.js';

type ResolvedExecOptions = z.output<typeof execSchema>;
type Callback = (chunk: string | Uint8Array) => unknown;

export async function execCommand(
  host: CommandHost,
  target: Pick<SpawnRequest, 'argv' | 'cwd' | 'user' | 'env' | 'program'>,
  options: ResolvedExecOptions,
): Promise<ExecResult<string | Uint8Array>> {
  const streaming = options.onStdout !== undefined || options.onStderr !== undefined;
  const limit = options.maxOutputBytes;
  const head = headBytes(limit);
  // Set each field: V8 builds a literal that continues after a spread property by property, a quarter of this whole
  // path.
  const request: SpawnRequest = {
    argv: target.argv,
    cwd: target.cwd,
    user: target.user,
    env: target.env,
    program: target.program,
    flags: SpawnFlag.BRIEF | (streaming ? 0 : SpawnFlag.PATIENT) | (options.stdin === undefined ? 0 : SpawnFlag.STDIN),
    timeoutMs: options.timeoutMs ?? 0,
    graceMs: options.killGraceMs,
    drainMs: options.drainMs,
    // Without a callback the agent drops excess output, so that a flood never crosses the engine.
    head: streaming ? undefined : head,
    tail: streaming ? 0 : limit - head,
    // The agent treats 0 as 'no limit'.
    killAtBytes: options.onOutputLimit === 'kill' ? Math.max(1, limit) : 0,
    credit: STREAM_WINDOW,
    cols: 0,
    rows: 0,
  };
  const collector = new Collector(limit, options);
  const command = new Command(host, request, collector, options.signal);
  collector.begin(command);
  const feeding = options.stdin === undefined ? undefined : feed(command.stream, options.stdin, options.signal);
  feeding?.catch(() => command.kill(options.killGraceMs, true));
  try {
    const result = await command.result;
    if (streaming) await delivered(collector, host, result, options.signal);
    // The source may hang if the command did not read it. Only a failure that has already happened counts.
    await (feeding && Promise.race([feeding, Promise.resolve()]));
    return collector.finish(result);
  } catch (error) {
    if (isPartial(error)) error.partial = collector.finish(error.partial);
    throw error;
  }
}

/**
 * Waits for the output callbacks. Stops waiting if the sandbox ends or the signal fires, because a callback may hang.
 */
async function delivered(
  collector: Collector,
  host: CommandHost,
  partial: CommandResult,
  signal: AbortSignal | undefined,
): Promise<void> {
  const drained = collector.drained().then(() => true);
  drained.catch(() => {});
  // If all output is already delivered, an abort or a loss no longer matters.
  if (await within(drained, 0)) return;
  const aborted = deferred<never>();
  const forget = onAbort(signal, () =>
    aborted.reject(new TaskAbortedError('Aborted while output was delivered', { cause: signal?.reason, partial })),
  );
  try {
    await Promise.race([drained, aborted.promise, host.over]);
  } finally {
    forget();
  }
}

/** Returns true for an error with a partial result. The output is added to it. */
function isPartial(error: unknown): error is Error & { partial: CommandResult } {
  const known =
    error instanceof TaskAbortedError || error instanceof SandboxLostError || error instanceof EngineLostError;
  return known && error.partial !== undefined;
}

/** Writes all of `source` to the command, in order, with backpressure. */
async function feed(stream: AgentStream, source: StdinSource, signal: AbortSignal | undefined): Promise<void> {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    await stream.writeStdin(typeof source === 'string' ? Buffer.from(source) : source);
  } else {
    for await (const chunk of source) {
      // Check before every chunk of a long write.
      if (signal?.aborted) return;
      if (!(await stream.writeStdin(chunkOf(chunk, 'stdin')))) break;
    }
  }
  stream.endStdin();
}

class Collector implements OutputSink {
  readonly #buffers: [OutputBuffer, OutputBuffer];
  readonly #text: boolean;
  readonly #feeds: [CallbackFeed | undefined, CallbackFeed | undefined];
  #command: Command | undefined;
  #consumed: [number, number] = [0, 0];
  #failure: { error: unknown } | undefined;
  readonly #graceMs: number;

  constructor(limit: number, options: ResolvedExecOptions) {
    this.#buffers = [new OutputBuffer(limit), new OutputBuffer(limit)];
    this.#text = options.encoding === 'utf8';
    this.#graceMs = options.killGraceMs;
    this.#feeds = [this.#feed(options.onStdout, STDOUT), this.#feed(options.onStderr, STDERR)];
  }

  begin(command: Command): void {
    this.#command = command;
  }

  output(channel: Channel, chunk: Buffer): void {
    this.#buffers[channel - 1]!.push(chunk);
    const callback = this.#feeds[channel - 1];
    if (callback) callback.push(chunk);
    else this.#grant(channel, chunk.length);
  }

  gap(channel: Channel, bytes: number): void {
    this.#buffers[channel - 1]!.skip(bytes);
  }

  eof(channel: Channel): void {
    this.#feeds[channel - 1]?.end();
  }

  /** Waits until the callbacks received all output. Throws the error of a callback. */
  async drained(): Promise<void> {
    for (const callback of this.#feeds) await callback?.idle();
    if (this.#failure) throw this.#failure.error;
  }

  finish(result: CommandResult): ExecResult<string | Uint8Array> {
    const [stdout, stderr] = this.#buffers;
    const content = (buffer: OutputBuffer) => (this.#text ? buffer.text() : new Uint8Array(buffer.bytes()));
    const { outcome, exitCode, signal, ...rest } = result;
    return {
      outcome,
      exitCode,
      signal,
      stdout: content(stdout),
      stderr: content(stderr),
      stdoutBytes: stdout.totalBytes,
      stderrBytes: stderr.totalBytes,
      truncated: stdout.truncated || stderr.truncated,
      ...rest,
    };
  }

  #feed(callback: unknown, channel: Channel): CallbackFeed | undefined {
    if (!callback) return undefined;
    // Bind the caller's async context (spans, storages): output arrives in the context in which the pipe was opened.
    return new CallbackFeed(AsyncResource.bind(callback as Callback), this.#text, {
      consumed: (bytes) => this.#grant(channel, bytes),
      failed: (error) => {
        this.#failure ??= { error };
        this.#command?.kill(this.#graceMs, true);
      },
    });
  }

  /** Grants credit in batches: one CREDIT frame for many small outputs. */
  #grant(channel: Channel, bytes: number): void {
    const owed = (this.#consumed[channel - 1]! += bytes);
    if (owed < STREAM_WINDOW / 4) return;
    this.#consumed[channel - 1] = 0;
    this.#command?.stream.grant(channel, owed);
  }
}

/** Passes chunks to a caller's callback one at a time. If the callback returns a promise, it is awaited. */
class CallbackFeed {
  readonly #callback: Callback;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #on: { consumed(bytes: number): void; failed(error: unknown): void };
  #queue: Promise<void> | undefined;
  #failed = false;

  constructor(callback: Callback, text: boolean, on: { consumed(bytes: number): void; failed(error: unknown): void }) {
    this.#callback = callback;
    this.#decoder = text ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined;
    this.#on = on;
  }

  push(chunk: Buffer): void {
    const value = this.#decoder ? this.#decoder.decode(chunk, { stream: true }) : new Uint8Array(chunk);
    this.#deliver(value, chunk.length);
  }

  end(): void {
    const rest = this.#decoder?.decode();
    if (rest) this.#deliver(rest, 0);
  }

  async idle(): Promise<void> {
    await this.#queue;
  }

  #deliver(value: string | Uint8Array, bytes: number): void {
    if (this.#queue !== undefined) {
      this.#queue = this.#queue.then(() => this.#call(value, bytes));
      return;
    }
    const waiting = this.#call(value, bytes);
    if (!waiting) return;
    const queue: Promise<void> = waiting.then(() => {
      if (this.#queue === queue) this.#queue = undefined;
    });
    this.#queue = queue;
  }

  #call(value: string | Uint8Array, bytes: number): Promise<void> | undefined {
    if (this.#failed || value.length === 0) {
      this.#on.consumed(bytes);
      return undefined;
    }
    try {
      const returned = this.#callback(value);
      if (!(returned instanceof Promise)) {
        this.#on.consumed(bytes);
        return undefined;
      }
      return returned.then(
        () => this.#on.consumed(bytes),
        (error) => this.#fail(error, bytes),
      );
    } catch (error) {
      this.#fail(error, bytes);
      return undefined;
    }
  }

  #fail(error: unknown, bytes: number): void {
    this.#failed = true;
    this.#on.failed(error);
    this.#on.consumed(bytes);
  }
}
