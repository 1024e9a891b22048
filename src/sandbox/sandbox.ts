/** Public class of a running sandbox. */
import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { z } from 'zod';
import type { PipeEnd } from '../agent/client.js';
import type { AgentCapabilities, Program, SandboxStats } from '../agent/messages.js';
import { type Deferred, deferred, joinSignals, throwIfAborted } from '../base/abort.js';
import { checkText } from '../base/content.js';
import { InvalidOptionsError, SandboxLostError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { WORKSPACE } from '../base/places.js';
import type { Semaphore } from '../base/semaphore.js';
import { traced } from '../base/tracing.js';
import { isClean, type SandboxReceipt } from '../cleanup/receipt.js';
import type { CommandHost } from '../command/command.js';
import { CommandHandle, type PipedCommand } from '../command/command-handle.js';
import { withVariables } from '../command/environment.js';
import { execCommand } from '../command/exec.js';
import type { Language } from '../command/language-names.js';
import { INTERPRETERS, languageOfImage } from '../command/languages.js';
import { type CommandLine, moveLongLine, toArgv } from '../command/lines.js';
import {
  type ExecOptions,
  execSchema,
  type PipedSpawnOptions,
  type RunCodeOptions,
  runCodeSchema,
  type SpawnOptions,
  spawnSchema,
} from '../command/options.js';
import type { CommandResult, ExecResult } from '../command/outcome.js';
import { commandTurns } from '../command/turns.js';
import { canBeWarm, fitsWarm } from '../command/warm.js';
import type { CommitOptions, CommitPlan, CommitReceipt, PrepareCommitOptions } from '../commit/index.js';
import { missedNetwork, offlineHint } from '../egress/offline.js';
import type { SandboxEgress } from '../egress/sandbox-egress.js';
import { OPERATION_MS, runOperation } from '../files/operation.js';
import type { DiffOptions } from '../files/options.js';
import { SandboxFiles } from '../files/sandbox-files.js';
import { maxProgramBytes } from '../launch/container-spec.js';
import type { Launched, LiveContainer } from '../launch/live-container.js';
import { type Loss, lossOf } from '../launch/loss.js';
import { extendSchema, type ResolvedCreateOptions } from '../launch/options.js';
import type { SandboxWarning } from '../launch/warnings.js';
import { connectToPort } from '../ports/connection.js';
import { SandboxPorts } from '../ports/sandbox-ports.js';
import type { ChangeList } from '../workspace/left-out.js';
import { type SeedReport, seedReport } from '../workspace/seed-report.js';
import { type CommittableSandbox, commitSandbox, prepareSandboxCommit } from './commit-sandbox.js';
import type { CommandEvent, EgressEvent } from './events.js';

/** @internal Functions that the manager provides to its sandboxes. */
export interface SandboxOwner {
  close(sandbox: Sandbox): Promise<SandboxReceipt>;
  /** Logs that the sandbox was given up, with the reason. */
  condemned(sandbox: Sandbox, reason: string): void;
  emit(event: CommandEvent | EgressEvent): void;
}

export type { CommandLine };

type PlaceOptions = { cwd?: string | undefined; env: Record<string, string>; user?: string | undefined };

interface SandboxState {
  endsAt: Date;
  warming: Promise<boolean> | undefined;
  closing: Promise<SandboxReceipt> | undefined;
  /**
   * True if the sandbox was closed while its pipe was open: then the end of the pipe is not a loss, and the pipe may
   * serve another sandbox.
   */
  gaveUpPipe: boolean;
  lost: Loss | undefined;
  readonly over: Deferred<void>;
  readonly turns: Semaphore;
}

const newState = (createdAt: Date, { lifetimeMs, limits }: ResolvedCreateOptions): SandboxState => ({
  endsAt: new Date(createdAt.getTime() + lifetimeMs),
  warming: undefined,
  closing: undefined,
  gaveUpPipe: false,
  lost: undefined,
  over: deferred<void>(),
  turns: commandTurns(limits.pids),
});

/** A container with its agent and workspace. `manager.create()` creates one. */
export class Sandbox implements AsyncDisposable {
  /** Id of the sandbox in labels, logs and events. */
  readonly id: string;
  /** Image as given to `create()`. */
  readonly image: string;
  /** Time of its creation. */
  readonly createdAt: Date;
  /** Absolute path of the workspace in the sandbox. */
  readonly workspace = WORKSPACE;
  /** Features of the kernel that the agent has tested. */
  readonly capabilities: AgentCapabilities;
  /** Files of the sandbox. */
  readonly files: SandboxFiles;
  /** Connections to ports in the sandbox from the host, without any network. */
  readonly ports: SandboxPorts;
  /** Allowed and denied connections, with `network: { allow }`. */
  readonly egress: SandboxEgress | undefined;
  readonly #container: LiveContainer;
  /** Parts as of the creation: the container may serve another sandbox by now. */
  readonly #parts: Launched;
  readonly #options: ResolvedCreateOptions;
  readonly #owner: SandboxOwner;
  readonly #host: CommandHost;
  readonly #seedReport: SeedReport | undefined;
  /** State that the sandbox and its views share. */
  readonly #state: SandboxState;
  /** Sandbox that this object is a view of; this object itself if it is not a view. */
  readonly #self: Sandbox;

  /** @internal */
  constructor(
    container: LiveContainer,
    options: ResolvedCreateOptions,
    owner: SandboxOwner,
    view?: { of: Sandbox; signal: AbortSignal },
  ) {
    const { parts } = container;
    this.#self = view?.of ?? this;
    this.id = parts.id;
    this.image = options.image;
    this.createdAt = parts.createdAt;
    this.capabilities = parts.ready.capabilities;
    this.#container = container;
    this.#parts = parts;
    this.#seedReport = parts.seed && seedReport(parts.seed.staged);
    this.#options = options;
    this.#owner = owner;
    const state = view ? view.of.#state : newState(this.createdAt, options);
    this.#state = state;
    const sandbox = this;
    this.#host = {
      get client() {
        sandbox.#assertAlive();
        return parts.client;
      },
      maxSockets: parts.maxSockets,
      explainLoss: (partial) => this.#explainLoss(partial),
      condemn: (reason) => this.#self.condemn(reason),
      over: state.over.promise,
      signal: view?.signal,
    };
    this.egress = parts.egress?.proxy;
    if (view) {
      this.ports = view.of.ports.under(view.signal);
      this.files = view.of.files.through(this.#host);
      return;
    }
    if (parts.egress) {
      const { proxy } = parts.egress;
      proxy.observe = (record) => owner.emit({ type: 'egress', sandbox: this.id, at: record.at, record });
      proxy.inside = (port) => connectToPort(this.#host, port, { user: parts.user, signal: undefined });
    }
    this.ports = new SandboxPorts({
      connect: (port, signal) => connectToPort(this.#host, port, { user: parts.user, signal }),
      ended: () => {
        this.#assertAlive();
        return state.over.promise;
      },
    });
    this.files = new SandboxFiles({
      host: this.#host,
      workspace: WORKSPACE,
      user: parts.user,
      base: () => (options.workspace.mode === 'bind' ? undefined : (parts.seed?.staged.manifest ?? new Map())),
    });
  }

  /** @internal Returns a view of the sandbox. Every call on it, on its files and on its ports also gets `signal`. */
  under(signal: AbortSignal): Sandbox {
    return new Sandbox(this.#container, this.#options, this.#owner, { of: this.#self, signal });
  }

  /** @internal */
  get container(): LiveContainer {
    return this.#container;
  }

  /** @internal */
  get parts(): Launched {
    return this.#parts;
  }

  /** @internal HOME of its commands. */
  get home(): string {
    return this.#parts.begins.env.HOME!;
  }

  /**
   * Counts of the copied entries of the seed, and a list of those that could not be copied; `undefined` without a seed.
   */
  get seedReport(): SeedReport | undefined {
    return this.#seedReport;
  }

  /** @internal */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** Resource limits. */
  get limits(): Readonly<ResolvedCreateOptions['limits']> {
    return this.#options.limits;
  }

  /**
   * Warnings about the sandbox, for example that files of the image are hidden. Each is also sent as the event
   * `sandbox.warning`.
   */
  get warnings(): readonly SandboxWarning[] {
    return this.#parts.warnings;
  }

  /** Labels given to `create()`. */
  get labels(): Readonly<Record<string, string>> {
    return { ...this.#options.labels };
  }

  /** Time at which the sandbox ends by itself. `extend()` moves it. */
  get endsAt(): Date {
    return this.#state.endsAt;
  }

  /** True once `close()` was called or the sandbox was lost. */
  get closed(): boolean {
    return this.#state.closing !== undefined || this.#state.lost !== undefined;
  }

  /** @internal */
  get options(): ResolvedCreateOptions {
    return this.#options;
  }

  /**
   * Runs a command to its end. An exit code that is not zero, a time-out or running out of memory are results.
   *
   * `limits.pids` / 16 commands of `exec` and `runCode` run at once (16 by default, at least 4). Further ones wait in a
   * queue, and `timeoutMs` starts when they leave it. Use `spawn`, which never waits, for servers and for commands that
   * wait for each other.
   *
   * @param command An argument list, or a line for `/bin/sh`, which is not bash in most images. Use
   * `['bash', '-c', line]` for syntax that only bash has (`{a,b}`, `[[ ]]`, arrays). A line may be longer than an
   * argument, up to the size of a program.
   * @throws TaskAbortedError when `options.signal` fired; the whole process tree is dead by then. SandboxLostError if
   * the sandbox was closed or is gone. EngineLostError. InvalidOptionsError.
   * @example
   * const { stdout, outcome } = await sandbox.exec(['python3', '-c', 'print(6 * 7)'], { timeoutMs: 5_000 })
   */
  async exec(
    command: CommandLine,
    options: ExecOptions<Uint8Array> & { encoding: 'buffer' },
  ): Promise<ExecResult<Uint8Array>>;
  async exec(command: CommandLine, options?: ExecOptions): Promise<ExecResult>;
  async exec(command: CommandLine, options?: ExecOptions | ExecOptions<Uint8Array>): Promise<ExecResult<never>> {
    const parsed = this.#parse(execSchema, options, 'exec');
    throwIfAborted(parsed.signal, `running ${toArgv(command)[0]}`);
    const result = await this.#inTurn(toArgv(command), parsed.signal, (argv) =>
      execCommand(this.#host, this.#placeLine(argv, parsed), parsed),
    );
    return this.#explained(result) as ExecResult<never>;
  }

  /**
   * Starts a command and returns a handle with its streams. The command is killed when the sandbox ends, or by
   * `kill()`.
   */
  async spawn(command: CommandLine, options?: PipedSpawnOptions): Promise<PipedCommand>;
  async spawn(command: CommandLine, options?: SpawnOptions): Promise<CommandHandle>;
  async spawn(command: CommandLine, options?: SpawnOptions): Promise<CommandHandle> {
    const parsed = this.#parse(spawnSchema, options, 'spawn');
    const argv = toArgv(command);
    throwIfAborted(parsed.signal, `running ${argv[0]}`);
    const env = parsed.pty ? { TERM: 'xterm-256color', ...parsed.env } : parsed.env;
    const id = this.#started(argv);
    const place = this.#placeLine(argv, { ...parsed, env });
    const handle = await CommandHandle.start(this.#host, place, parsed).catch((error) => {
      this.#ended(id, undefined);
      throw error;
    });
    handle.wait().then(
      (result) => this.#ended(id, result),
      () => this.#ended(id, undefined),
    );
    return handle;
  }

  /**
   * Runs a program given as text. The program is stored in a directory of its own outside the workspace
   * (`/run/ripcord/0/main.py`), to which no user can write, and is removed with the command. It starts in `cwd`, imports
   * modules from there and writes its output there; `__file__`, `__dirname` and `import.meta.dirname` name the program's
   * directory. The syntax of a JavaScript or TypeScript program decides whether it is a CommonJS or an ES module.
   *
   * @throws InvalidOptionsError for a program larger than 16 MiB, or a sixteenth of the memory limit
   */
  async runCode(
    code: string,
    options: RunCodeOptions<Uint8Array> & { encoding: 'buffer' },
  ): Promise<ExecResult<Uint8Array>>;
  async runCode(code: string, options?: RunCodeOptions): Promise<ExecResult>;
  async runCode(code: string, options?: RunCodeOptions | RunCodeOptions<Uint8Array>): Promise<ExecResult<never>> {
    const {
      language = languageOfImage(this.#parts.image.ours),
      args,
      warm: wanted,
      ...parsed
    } = this.#parse(runCodeSchema, options, 'runCode');
    throwIfAborted(parsed.signal, `running ${language}`);
    this.#checkProgram(code, 'runCode: the program');
    const { file, argv: toRun, environment } = INTERPRETERS[language];
    const command = toRun(file);
    const argv = [...command, ...args];
    const warm = (wanted ?? this.#options.warm) && language === 'python' && this.#warms(parsed);
    const place = this.#place(argv, parsed, { name: file, text: code, at: command.length - 1, warm });
    place.env = environment(place.env, this.#parts.image);
    const result = (await this.#inTurn(argv, parsed.signal, () =>
      execCommand(this.#host, place, parsed),
    )) as ExecResult<never>;
    if (result.failure?.stage === 'exec') result.failure.message += this.#languageHint(language);
    return this.#explained(result) as ExecResult<never>;
  }

  /** Adds a hint if the output of a failed program shows that it needed the network, which is off. */
  #explained(result: ExecResult<string | Uint8Array>): ExecResult<string | Uint8Array> {
    if (this.#options.network !== 'none' || result.outcome !== 'exited' || result.exitCode === 0) return result;
    const missed = missedNetwork(result.stderr, result.stdout);
    if (missed !== undefined) result.hint ??= offlineHint(missed);
    return result;
  }

  #checkProgram(code: string, what: string): void {
    checkText(code, what);
    const bytes = Buffer.byteLength(code);
    const most = maxProgramBytes(this.#options.limits);
    if (bytes <= most) return;
    throw new InvalidOptionsError(`${what} is ${bytes} bytes; at most ${most} are possible here`, {
      hint: 'Write it with files.write() and run it with exec(), or raise limits.memory: 16 MiB of it allow 1 MiB of program.',
    });
  }

  #languageHint(language: Language): string {
    const { image } = INTERPRETERS[language];
    return this.#parts.image.ours === image ? '' : `; ${this.image} has no ${language}, the image '${image}' has`;
  }

  /**
   * Starts the warm interpreter unless it is running. Programs do not wait for its start: until it is ready, they get
   * fresh interpreters.
   * @returns true if it is ready; false if there cannot be one (no python in the image, gVisor, a writable root)
   */
  async warmUp(): Promise<boolean> {
    if (!canBeWarm(this.#parts.begins.warm)) return false;
    this.#assertAlive();
    return this.#container.warmUp();
  }

  #warms(call: { env: Record<string, string>; user?: string | undefined }): boolean {
    if (!canBeWarm(this.#parts.begins.warm) || !fitsWarm(call.env)) return false;
    if (call.user !== undefined && call.user !== this.#parts.user) return false;
    this.#state.warming ??= this.warmUp().catch(() => false);
    return true;
  }

  /**
   * Compares the workspace with its seed: `files.diff()`. The `ignored` property of the array lists the paths that were
   * left out.
   */
  async diff(options?: DiffOptions): Promise<ChangeList> {
    return this.files.diff(options);
  }

  /**
   * Computes the changes that a commit of the sandbox's work into the host directory `target` would make: a three-way
   * comparison with the seed. Writes nothing to `target`. The plan is valid until the sandbox is closed.
   * @throws CommitError, InvalidOptionsError in `bind` mode
   */
  async prepareCommit(target: string, options?: PrepareCommitOptions): Promise<CommitPlan> {
    return prepareSandboxCommit(this.#committable(), target, this.#withSignal(options));
  }

  /**
   * Writes the sandbox's work into the host directory `target`, atomically: all of it or nothing, also if interrupted.
   * @throws CommitConflictError if the host's files changed meanwhile; CommitFlaggedError for files that would run on
   * the host, unless allowed; CommitRefusedError. Nothing is written then.
   */
  async commit(target: string, options?: CommitOptions): Promise<CommitReceipt> {
    return commitSandbox(this.#committable(), target, this.#withSignal(options));
  }

  #committable(): CommittableSandbox {
    const { seed, directory } = this.#parts;
    const { workspace } = this.#options;
    const gitignore = workspace.mode === 'copy' && typeof workspace.seed === 'object' && workspace.seed.gitignore;
    return {
      files: this.files,
      workspace: WORKSPACE,
      changes: (options) => this.files.changes({ ...options, defaultIgnores: false }),
      base:
        workspace.mode === 'bind'
          ? undefined
          : { manifest: seed?.staged.manifest ?? new Map(), directory: seed?.directory, gitignore },
      directory,
    };
  }

  /** Returns memory, CPU time and number of processes, as the kernel counts them. */
  async stats(): Promise<SandboxStats> {
    return this.#host.client.stats();
  }

  /** Sets the sandbox's end to `lifetimeMs` from now. */
  extend(lifetimeMs: number): void {
    parseOptions(extendSchema, { lifetimeMs }, 'extend');
    this.#host.client.setLease(this.#options.leaseMs, lifetimeMs);
    this.#state.endsAt = new Date(Date.now() + lifetimeMs);
  }

  /**
   * Ends the sandbox: kills every process, removes container and temp directory, and verifies that they are gone.
   * Idempotent. Takes no signal, because nothing may interrupt it.
   * @returns the removed objects that were verified absent; failures are in `errors`
   */
  close(): Promise<SandboxReceipt> {
    if (!this.#state.closing) this.#state.gaveUpPipe = !this.#parts.client.isEnded;
    this.#state.closing ??= traced(
      'ripcord.close',
      { 'ripcord.sandbox': this.id },
      () => this.#owner.close(this.#self),
      (receipt) => ({ 'ripcord.clean': isClean(receipt) }),
    );
    return this.#state.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * @internal Makes system calls that are forbidden to every command. Resolves to `name\tanswer` lines: see
   * `forbidden-calls.c` of the agent.
   */
  async attempts(signal: AbortSignal | undefined): Promise<string> {
    const { user } = this.#parts;
    return (await runOperation(this.#host, ['attempts'], { user, signal, timeoutMs: OPERATION_MS })).toString();
  }

  /** @internal Ends the host's part of the sandbox: forwarded ports and the egress proxy. */
  release(): void {
    this.#state.over.resolve();
    // Let waiting commands start: each then fails, because the sandbox is gone.
    this.#state.turns.resize(Number.POSITIVE_INFINITY);
    this.#parts.egress?.proxy.close();
  }

  /** @internal Gives the sandbox up, because its agent did not obey or does not answer. */
  condemn(reason: string): void {
    this.#owner.condemned(this, reason);
    this.#container.condemn(this.#lose({ reason }));
  }

  /** @internal Handles the end of the pipe. Returns the loss; `undefined` if the sandbox was closed before. */
  pipeEnded(end: PipeEnd): Loss | undefined {
    return this.#state.gaveUpPipe ? undefined : this.#lose(lossOf(end));
  }

  /** Records `loss` unless one is recorded already. Returns the first loss. */
  #lose(loss: Loss): Loss {
    this.#state.lost ??= loss;
    this.release();
    return this.#state.lost;
  }

  async #explainLoss(partial: () => CommandResult): Promise<CommandResult> {
    if (!this.#state.gaveUpPipe) return this.#container.explainLoss(partial);
    throw new SandboxLostError(`Sandbox ${this.id} was closed`, {
      closed: true,
      partial: { ...partial(), hint: 'The sandbox was closed while it ran.' },
    });
  }

  #assertAlive(): void {
    // Check for a loss first: the manager closes a lost sandbox too, and the reason of the loss says more.
    if (this.#state.lost !== undefined) {
      const { reason, remedy } = this.#state.lost;
      throw new SandboxLostError(`Sandbox ${this.id} is gone: ${reason}`, {
        details: { sandbox: this.id },
        ...(remedy !== undefined && { hint: remedy }),
      });
    }
    if (this.#state.closing !== undefined) {
      throw new SandboxLostError(`Sandbox ${this.id} is closed`, { closed: true, details: { sandbox: this.id } });
    }
  }

  /** Checks the options of a call, and adds the signal of the view. */
  #parse<S extends z.ZodType<{ signal?: AbortSignal | undefined }>>(
    schema: S,
    options: unknown,
    what: string,
  ): z.output<S> {
    return this.#withSignal(parseOptions(schema, options, what));
  }

  #withSignal<O extends { signal?: AbortSignal | undefined }>(options: O | undefined): O {
    const { signal } = this.#host;
    return signal === undefined ? options! : ({ ...options, signal: joinSignals(options?.signal, signal) } as O);
  }

  #cwd(cwd: string | undefined): string {
    return posix.resolve(this.#options.cwd, cwd ?? '.');
  }

  #place(argv: readonly string[], options: PlaceOptions, program?: Program) {
    return {
      argv,
      cwd: this.#cwd(options.cwd),
      user: options.user ?? this.#parts.user,
      env: withVariables(this.#parts.begins.env, options.env),
      program,
    };
  }

  /** Runs a command as soon as fewer commands run than the sandbox's limit. */
  async #inTurn<R extends CommandResult>(
    argv: readonly string[],
    signal: AbortSignal | undefined,
    run: (argv: readonly string[]) => Promise<R>,
  ): Promise<R> {
    const leave = await this.#state.turns.acquire(1, signal, `running ${argv[0]}`);
    try {
      return await this.#observed(argv, run);
    } finally {
      leave();
    }
  }

  #placeLine(argv: readonly string[], options: PlaceOptions) {
    const { argv: placed, program } = moveLongLine(argv);
    if (program) this.#checkProgram(program.text, 'exec: the line');
    return this.#place(placed, options, program);
  }

  async #observed<R extends CommandResult>(
    argv: readonly string[],
    run: (argv: readonly string[]) => Promise<R>,
  ): Promise<R> {
    const id = this.#started(argv);
    let result: R | undefined;
    try {
      // Arguments may hold secrets: the span has only the name of the program.
      const attributes = { 'ripcord.sandbox': this.id, 'ripcord.program': argv[0] ?? '' };
      result = await traced(
        'ripcord.exec',
        attributes,
        () => run(argv),
        ({ outcome }) => ({ 'ripcord.outcome': outcome }),
      );
      return result;
    } finally {
      this.#ended(id, result);
    }
  }

  #started(argv: readonly string[]): string {
    const command = randomUUID().slice(0, 8);
    this.#owner.emit({ type: 'command.started', sandbox: this.id, command, argv, at: Date.now() });
    return command;
  }

  #ended(command: string, result: CommandResult | undefined): void {
    const summary = result && withoutOutput(result);
    this.#owner.emit({ type: 'command.ended', sandbox: this.id, command, result: summary, at: Date.now() });
  }
}

/** Removes the output that `exec` adds: an event goes to every listener, and a server stores it. */
function withoutOutput(result: CommandResult): CommandResult {
  const {
    stdout: _,
    stderr: __,
    stdoutBytes: ___,
    stderrBytes: ____,
    truncated: _____,
    ...rest
  } = result as ExecResult;
  return rest;
}
