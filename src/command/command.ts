/** One command from its start to its confirmed end: the common part of `exec`, `spawn` and the file operations. */
import type { AgentClient } from '../agent/client.js';
import { type Channel, type Exit, type SpawnRequest, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream } from '../agent/stream.js';
import { type Deferred, deferred, joinSignals, onAbort, throwIfAborted } from '../base/abort.js';
import { EngineLostError, SandboxLostError, TaskAbortedError } from '../base/errors.js';
import { MAX_MS } from '../base/option-fields.js';
import { type CommandResult, lostResult, refusedRoot, toCommandResult } from './outcome.js';

/** The part of a sandbox that a command uses. */
export interface CommandHost {
  readonly client: AgentClient;
  /** Every command gets this signal besides its own. */
  readonly signal?: AbortSignal | undefined;
  /** Maximum number of sockets that the agent enforces. 0: no limit. */
  readonly maxSockets: number;
  /** Resolves when the sandbox has ended or starts to close. */
  readonly over: Promise<void>;
  /** Resolves once the reason of a broken pipe is known. Throws if the loss is an error rather than a result. */
  explainLoss(partial: () => CommandResult): Promise<CommandResult>;
  /** Ends the whole sandbox because it did not obey a request. */
  condemn(reason: string): void;
}

/** Receives a command's output. Chunks are valid only during the call. */
export interface OutputSink {
  output(channel: Channel, chunk: Buffer): void;
  gap?(channel: Channel, bytes: number): void;
  /** May be called more than once. */
  eof?(channel: Channel): void;
}

/** Time after the grace period for the agent to confirm that the tree is dead. Then the whole sandbox is ended. */
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

  /** @throws TaskAbortedError if `signal` has already fired. Nothing is sent then. */
  constructor(host: CommandHost, request: SpawnRequest, sink: OutputSink, given: AbortSignal | undefined) {
    const signal = joinSignals(given, host.signal);
    throwIfAborted(signal, `running ${request.argv[0]}`);
    this.#host = host;
    this.#client = host.client;
    this.#request = request;
    this.#signal = signal;
    this.argv = request.argv;
    const end = (exit: Exit | undefined) => {
      // If the command never ran or the pipe broke, the agent sends no OUTPUT_EOF: end both channels here.
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

  /** Process id inside the sandbox; `undefined` if the command never ran. */
  get started(): Promise<number | undefined> {
    return this.#started.promise;
  }

  /** The result. Rejects with {@link TaskAbortedError} if the signal fired first. */
  get result(): Promise<CommandResult> {
    return this.#result.promise;
  }

  /** Kills the process tree. `result` settles within the grace period and three seconds, whatever the sandbox does. */
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
    // An abort that arrives while a loss is being explained did not cause it.
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

/** Returns true if a limit ended the command before the abort did. The first cause stays the outcome. */
function endedBefore(result: CommandResult, exit: Exit | undefined): boolean {
  if (!exit || exit.killedByHost) return false;
  return result.outcome === 'timeout' || result.outcome === 'oom' || result.outcome === 'output-limit';
}
