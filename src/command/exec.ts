/** Runs a command to its end and keeps what it printed: `sandbox.exec()`. */
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
  place: Pick<SpawnRequest, 'argv' | 'cwd' | 'user' | 'env' | 'program'>,
  options: ResolvedExecOptions,
): Promise<ExecResult<string | Uint8Array>> {
  const streaming = options.onStdout !== undefined || options.onStderr !== undefined;
  const limit = options.maxOutputBytes;
  const head = headBytes(limit);
  // Field by field: a literal that goes on after a spread is built property by property, a quarter of this whole path.
  const request: SpawnRequest = {
    argv: place.argv,
    cwd: place.cwd,
    user: place.user,
    env: place.env,
    program: place.program,
    flags: SpawnFlag.BRIEF | (streaming ? 0 : SpawnFlag.PATIENT) | (options.stdin === undefined ? 0 : SpawnFlag.STDIN),
    timeoutMs: options.timeoutMs ?? 0,
    graceMs: options.killGraceMs,
    drainMs: options.drainMs,
    // Without a callback the agent itself drops what will not be kept: a flood never crosses the engine.
    head: streaming ? undefined : head,
    tail: streaming ? 0 : limit - head,
    // The agent takes 0 for 'without a limit'.
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
    if (streaming) await handedOn(collector, host, result, options.signal);
    // The source may hang when the command left it unread: only a failure that came counts.
    await (feeding && Promise.race([feeding, Promise.resolve()]));
    return collector.finish(result);
  } catch (error) {
    if (isPartial(error)) error.partial = collector.finish(error.partial);
    throw error;
  }
}

/** Waits for the callbacks: as long as the sandbox is there and nobody aborts, as one may hang. */
async function handedOn(
  collector: Collector,
  host: CommandHost,
  partial: CommandResult,
  signal: AbortSignal | undefined,
): Promise<void> {
  const drained = collector.drained().then(() => true);
  drained.catch(() => {});
  // What has been handed on by now counts, whatever else has happened.
  if (await within(drained, 0)) return;
  const aborted = deferred<never>();
  const forget = onAbort(signal, () =>
    aborted.reject(new TaskAbortedError('Aborted while output was handed on', { cause: signal?.reason, partial })),
  );
  try {
    await Promise.race([drained, aborted.promise, host.over]);
  } finally {
    forget();
  }
}

/** An error that says how far the command got; the output goes with it. */
function isPartial(error: unknown): error is Error & { partial: CommandResult } {
  const known =
    error instanceof TaskAbortedError || error instanceof SandboxLostError || error instanceof EngineLostError;
  return known && error.partial !== undefined;
}

/** Writes all of `source` to the command, in order, as fast as the command reads. */
async function feed(stream: AgentStream, source: StdinSource, signal: AbortSignal | undefined): Promise<void> {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    await stream.writeStdin(typeof source === 'string' ? Buffer.from(source) : source);
  } else {
    for await (const chunk of source) {
      // Checked between the chunks of a long write, too.
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

  /** Waits until the callbacks have had everything; throws what one of them threw. */
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
    // Bound: output comes by the pipe, whose asynchronous context (spans, storages) is that of whoever opened it.
    return new CallbackFeed(AsyncResource.bind(callback as Callback), this.#text, {
      consumed: (bytes) => this.#grant(channel, bytes),
      failed: (error) => {
        this.#failure ??= { error };
        this.#command?.kill(this.#graceMs, true);
      },
    });
  }

  /** Grants in batches: one credit frame for many small outputs. */
  #grant(channel: Channel, bytes: number): void {
    const owed = (this.#consumed[channel - 1]! += bytes);
    if (owed < STREAM_WINDOW / 4) return;
    this.#consumed[channel - 1] = 0;
    this.#command?.stream.grant(channel, owed);
  }
}

/** Hands chunks to a caller's callback one after the other, waiting for a promise it returns. */
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
    this.#hand(value, chunk.length);
  }

  end(): void {
    const rest = this.#decoder?.decode();
    if (rest) this.#hand(rest, 0);
  }

  async idle(): Promise<void> {
    await this.#queue;
  }

  #hand(value: string | Uint8Array, bytes: number): void {
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
