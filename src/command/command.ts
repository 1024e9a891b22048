/** One command from its start to its proven end: what `exec`, `spawn` and the file operations have in common. */
import type { AgentClient } from '../agent/client.js';
import { type Channel, type Exit, type SpawnRequest, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream } from '../agent/stream.js';
import { type Deferred, deferred, joinSignals, onAbort, throwIfAborted } from '../base/abort.js';
import { EngineLostError, SandboxLostError, TaskAbortedError } from '../base/errors.js';
import { MAX_MS } from '../base/option-fields.js';
import { type CommandResult, lostResult, refusedRoot, toCommandResult } from './outcome.js';

/** What a command needs of its sandbox. */
export interface CommandHost {
  readonly client: AgentClient;
  /** Every command gets this signal besides its own. */
  readonly signal?: AbortSignal | undefined;
  /** The number of sockets that the agent keeps; 0: any. */
  readonly maxSockets: number;
  /** Resolves when the sandbox has ended, or begins to be closed. */
  readonly over: Promise<void>;
  /** Why the pipe broke; resolves once that is known. Throws where the loss is an error rather than a result. */
  explainLoss(partial: () => CommandResult): Promise<CommandResult>;
  /** The sandbox did not do as it was told: end it as a whole. */
  condemn(reason: string): void;
}

/** Takes a command's output. Chunks are only valid during the call. */
export interface OutputSink {
  output(channel: Channel, chunk: Buffer): void;
  gap?(channel: Channel, bytes: number): void;
  /** More than once perhaps. */
  eof?(channel: Channel): void;
}

/** Time past the grace for the agent to say that the tree is dead, before the whole sandbox is ended instead. */
const KILL_MARGIN_MS = 3000;

export class Command {
  readonly argv: readonly string[];
  readonly stream: AgentStream;
  readonly #host: CommandHost;
  readonly #client: AgentClient;
  readonly #request: SpawnRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #started = deferred<number | undefined>();
  readonly #exited = deferred<Exit | undefined>();
  readonly #result: Deferred<CommandResult> = deferred();
  readonly #startedAt = performance.now();
  #removeAbortListener = () => {};
  #killTimer: NodeJS.Timeout | undefined;
  #abandoned = false;

  /** @throws TaskAbortedError before anything is sent, where a signal has fired. */
  constructor(host: CommandHost, request: SpawnRequest, sink: OutputSink, given: AbortSignal | undefined) {
    const signal = joinSignals(given, host.signal);
    throwIfAborted(signal, `running ${request.argv[0]}`);
    this.#host = host;
    this.#client = host.client;
    this.#request = request;
    this.#signal = signal;
    this.argv = request.argv;
    const end = (exit: Exit | undefined) => {
      // A command that never ran, or whose pipe broke, has no end of output of its own.
      sink.eof?.(STDOUT);
      sink.eof?.(STDERR);
      this.#exited.resolve(exit);
    };
    this.stream = this.#client.open(request, {
      started: (pid) => this.#started.resolve(pid),
      output: (channel, chunk) => sink.output(channel, chunk),
      gap: (channel, bytes) => sink.gap?.(channel, bytes),
      eof: (channel) => sink.eof?.(channel),
      exit: (exit) => end(exit),
      lost: () => end(undefined),
    });
    this.#removeAbortListener = onAbort(signal, () => this.kill(request.graceMs, true));
    void this.#settle();
  }

  /** The pid inside the sandbox; `undefined` when the command never ran. */
  get started(): Promise<number | undefined> {
    return this.#started.promise;
  }

  /** How it ended. Rejects with {@link TaskAbortedError} when the signal fired first. */
  get result(): Promise<CommandResult> {
    return this.#result.promise;
  }

  /** Kills the tree; `result` settles within the grace and three seconds, whatever the sandbox does. */
  kill(graceMs: number, discardOutput = false): void {
    if (this.stream.finished) return;
    this.stream.kill(0, graceMs, discardOutput);
    const limitMs = Math.min(graceMs + KILL_MARGIN_MS, MAX_MS);
    this.#killTimer ??= setTimeout(() => {
      this.#abandoned = true;
      this.#host.condemn(`it did not confirm within ${limitMs} ms that a command's tree is dead`);
    }, limitMs);
  }

  async #settle(): Promise<void> {
    const exit = await this.#exited.promise;
    // An abort that comes while a loss is being explained is no cause of it.
    const isAborted = this.#signal?.aborted === true;
    this.#started.resolve(undefined);
    this.#removeAbortListener();
    clearTimeout(this.#killTimer);
    try {
      const refusal = exit && refusedRoot(exit, this.#request, (await this.#client.ready).capabilities);
      if (refusal) throw refusal;
      const result = exit
        ? toCommandResult(exit, this.argv, this.#request, this.#host.maxSockets)
        : await this.#host.explainLoss(() => lostResult('sandbox-lost', performance.now() - this.#startedAt));
      if (isAborted && !endedBefore(result, exit)) throw this.#aborted(result, !this.#abandoned);
      this.#result.resolve(result);
    } catch (error) {
      const isLoss = error instanceof SandboxLostError || error instanceof EngineLostError;
      this.#result.reject(isAborted && isLoss ? this.#aborted(error.partial as CommandResult, false) : error);
    }
  }

  #aborted(partial: CommandResult, confirmed: boolean): TaskAbortedError<CommandResult> {
    return new TaskAbortedError(`Aborted while ${this.argv[0]} ran`, {
      cause: this.#signal?.reason,
      partial,
      details: { confirmed },
    });
  }
}

/** The first cause wins: a limit that ended the command before the abort got there stays the outcome. */
function endedBefore(result: CommandResult, exit: Exit | undefined): boolean {
  if (!exit || exit.killedByHost) return false;
  return result.outcome === 'timeout' || result.outcome === 'oom' || result.outcome === 'output-limit';
}
