/** A running sandbox, in the caller's hands. */
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

/** @internal What the manager does for its sandboxes. */
export interface SandboxOwner {
  close(sandbox: Sandbox): Promise<SandboxReceipt>;
  /** The sandbox is given up, for that reason. */
  condemned(sandbox: Sandbox, reason: string): void;
  emit(event: CommandEvent | EgressEvent): void;
}

export type { CommandLine };

type PlaceOptions = { cwd?: string | undefined; env: Record<string, string>; user?: string | undefined };

interface SandboxState {
  endsAt: Date;
  warming: Promise<boolean> | undefined;
  closing: Promise<SandboxReceipt> | undefined;
  /** It was closed while its pipe was whole: the pipe's end is then expected, and the pipe may live on for another sandbox. */
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

/** A container with its agent and workspace. `manager.create()` makes one. */
export class Sandbox implements AsyncDisposable {
  /** Names it in labels, logs and events. */
  readonly id: string;
  /** The image it runs, as asked for. */
  readonly image: string;
  /** Time of its creation. */
  readonly createdAt: Date;
  /** The directory of its files, inside. */
  readonly workspace = WORKSPACE;
  /** What the kernel under it gives, as the agent found by trying. */
  readonly capabilities: AgentCapabilities;
  /** Files of the sandbox. */
  readonly files: SandboxFiles;
  /** What listens inside, reached from here without any network. */
  readonly ports: SandboxPorts;
  /** Where it connected to, and tried to, with `network: { allow }`. */
  readonly egress: SandboxEgress | undefined;
  readonly #container: LiveContainer;
  /** As they were when it was made: the container may serve another sandbox by now. */
  readonly #parts: Launched;
  readonly #options: ResolvedCreateOptions;
  readonly #owner: SandboxOwner;
  readonly #host: CommandHost;
  readonly #seedReport: SeedReport | undefined;
  /** State that the sandbox and its views share. */
  readonly #state: SandboxState;
  /** The sandbox that this is a view of; else this one. */
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

  /** @internal The same sandbox; every call on it, on its files and on its ports gets `signal` besides its own. */
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

  /** Counts the copied entries of the seed, and lists those that could not be kept; `undefined` without a seed. */
  get seedReport(): SeedReport | undefined {
    return this.#seedReport;
  }

  /** @internal */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  /** What it may use. */
  get limits(): Readonly<ResolvedCreateOptions['limits']> {
    return this.#options.limits;
  }

  /** Warnings about it, e.g. that files of the image are hidden. Each is also an event, `sandbox.warning`. */
  get warnings(): readonly SandboxWarning[] {
    return this.#parts.warnings;
  }

  /** The labels that it was made with. */
  get labels(): Readonly<Record<string, string>> {
    return { ...this.#options.labels };
  }

  /** When it ends by itself; `extend()` moves that. */
  get endsAt(): Date {
    return this.#state.endsAt;
  }

  /** True from `close()` on, and once the sandbox is lost. */
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
   * `limits.pids` / 16 commands of `exec` and `runCode` run at once (16 by default, at least 4); further ones wait for their
   * turn, and `timeoutMs` starts with it. A server, or commands that wait for each other, are for `spawn`, which never waits.
   *
   * @param command An argument list, or a line for `/bin/sh`, which is not bash in most images. Use
   * `['bash', '-c', line]` for syntax that only bash has (`{a,b}`, `[[ ]]`, arrays). A line may be longer than an
   * argument, up to the size of a program.
   * @throws TaskAbortedError when `options.signal` fired; the whole process tree is dead by then. SandboxLostError when
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

  /** Starts a command and hands over its streams. It is killed when the sandbox ends, or by `kill()`. */
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
   * Runs a program given as text. It lies in a directory of its own outside the workspace (`/run/ripcord/0/main.py`), to
   * which no user can write, and is gone with the command. It starts in `cwd`, imports modules from there, and puts its
   * output there: `__file__`, `__dirname` and `import.meta.dirname` name the program's directory. JavaScript and
   * TypeScript are CommonJS or ES modules by their own syntax.
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

  /** Adds what a failed program's last words say of the network that it has not. */
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
   * Starts the warm interpreter, unless it runs. Programs do not wait for its start: until it is there, they get fresh ones.
   * @returns whether it is ready; false where there cannot be one (no python in the image, gVisor, a writable root).
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

  /** Compares the workspace with its seed: `files.diff()`. Left out paths are in the `ignored` property of the array. */
  async diff(options?: DiffOptions): Promise<ChangeList> {
    return this.files.diff(options);
  }

  /**
   * Works out what bringing the sandbox's work into the host directory `target` means, three ways against the seed, and
   * writes nothing there. The plan is good until the sandbox is closed.
   * @throws CommitError, InvalidOptionsError in `bind` mode
   */
  async prepareCommit(target: string, options?: PrepareCommitOptions): Promise<CommitPlan> {
    return prepareSandboxCommit(this.#committable(), target, this.#withSignal(options));
  }

  /**
   * Brings the sandbox's work into the host directory `target`: all of it or nothing, whatever interrupts it.
   * @throws CommitConflictError when the host's files changed meanwhile; CommitFlaggedError for files that would run on
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

  /** Memory, CPU time and processes, as the kernel counts them. */
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
   * Ends the sandbox: kills every process, removes container and temp directory, and makes sure. Idempotent; takes no
   * signal, because nothing may interrupt it.
   * @returns what was removed and verified absent. What failed is in its `errors`.
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

  /** @internal Makes system calls that are refused to every command. Resolves to `name\tanswer` lines, see the agent. */
  async attempts(signal: AbortSignal | undefined): Promise<string> {
    const { user } = this.#parts;
    return (await runOperation(this.#host, ['attempts'], { user, signal, timeoutMs: OPERATION_MS })).toString();
  }

  /** @internal Ends what lives on this side for the sandbox: forwarded ports, its way out. */
  release(): void {
    this.#state.over.resolve();
    // Commands that wait for their turn have it now, and find the sandbox gone.
    this.#state.turns.resize(Number.POSITIVE_INFINITY);
    this.#parts.egress?.proxy.close();
  }

  /** @internal Gives the sandbox up: it did not do as it was told, or does not answer. */
  condemn(reason: string): void {
    this.#owner.condemned(this, reason);
    this.#container.condemn(this.#lose({ reason }));
  }

  /** @internal The pipe has ended. Returns the loss; `undefined` if it was closed. */
  pipeEnded(end: PipeEnd): Loss | undefined {
    return this.#state.gaveUpPipe ? undefined : this.#lose(lossOf(end));
  }

  /** Returns the loss that came first. */
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
    // A lost sandbox is closed as well, by the manager: why it was lost says more.
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

  /** Checks the options of a call, and adds the signal of a view. */
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

  /** As soon as the sandbox has room for another command. */
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
      // Arguments may hold secrets; a span says the program alone.
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
    const told = result && withoutOutput(result);
    this.#owner.emit({ type: 'command.ended', sandbox: this.id, command, result: told, at: Date.now() });
  }
}

/** Leaves out what `exec` adds: an event goes to every listener, and a server keeps it. */
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
