/** Owns every sandbox of a process: creates them, lists them, and makes sure that none outlives its owner. */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { PipeEnd } from '../agent/client.js';
import type { Backend, EngineFacts } from '../backends/backend.js';
import { refuseUnkept } from '../backends/capabilities.js';
import { openBackend } from '../backends/open-backend.js';
import { abortable, onAbort, throwIfAborted } from '../base/abort.js';
import { messageOf, RipcordError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { parseOptions } from '../base/parse-options.js';
import { traced } from '../base/tracing.js';
import { audit } from '../cleanup/audit.js';
import { guard } from '../cleanup/process-handlers.js';
import type { Receipt, SandboxReceipt } from '../cleanup/receipt.js';
import { stateRoot } from '../cleanup/state-dir.js';
import { type SweepReport, sweep } from '../cleanup/sweep.js';
import type { Watchdog } from '../cleanup/watchdog.js';
import type { ImageStatus } from '../images/image-status.js';
import type { LaunchContext } from '../launch/context.js';
import { checkCpus } from '../launch/cpu-limit.js';
import { launch, newId } from '../launch/launch.js';
import type { LiveContainer } from '../launch/live-container.js';
import { type CreateOptions, createSchema, type ResolvedCreateOptions } from '../launch/options.js';
import { silence } from '../launch/prepare.js';
import { ContainerPool } from '../pool/container-pool.js';
import type { PoolStats } from '../pool/pool-stats.js';
import type { ManagerEvent } from './events.js';
import { contextOf, type ParsedOptions, parseManager, startWatchdog } from './manager-setup.js';
import { type ManagerOptions, type SweepOptions, sweepSchema } from './options.js';
import { Sandbox, type SandboxOwner } from './sandbox.js';

/** Creates sandboxes, and removes all of them when this process ends, however it ends. */
export class SandboxManager extends EventEmitter<{ event: [ManagerEvent] }> implements AsyncDisposable {
  /** Name of this manager in labels and directories. */
  readonly instance: string;
  /** Version, architecture and features of the engine. */
  readonly engine: EngineFacts;
  readonly #backend: Backend;
  readonly #context: LaunchContext;
  readonly #root: string;
  readonly #defaults: object;
  readonly #logger: Logger;
  readonly #watchdog: Watchdog;
  readonly #pool: ContainerPool;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Promises that `close()` waits for. */
  readonly #pending = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  readonly #denied: string[] = [];
  #unguard = () => {};
  #removeAbortListener = () => {};
  #made = 0;
  #closing: Promise<Receipt> | undefined;

  private constructor(context: LaunchContext, engine: EngineFacts, watchdog: Watchdog, options: ParsedOptions) {
    super();
    this.instance = context.instance;
    this.engine = engine;
    this.#backend = context.backend;
    this.#context = context;
    this.#root = stateRoot(options.stateDir);
    this.#defaults = options.defaults ?? {};
    this.#logger = options.logger ?? silentLogger;
    this.#watchdog = watchdog;
    this.#pool = new ContainerPool(options.pool, options.kept, context, (event) => this.#emit(event));
  }

  /**
   * Connects to the engine, installs the agent there (once), and starts the watchdog.
   *
   * @throws RipcordError `engine-not-found`, `engine-unreachable`, `engine-permission`, `agent-missing`, each with a hint
   * @example
   * await using manager = await SandboxManager.open()
   * await using sandbox = await manager.create({ image: 'python' })
   * console.log((await sandbox.exec(['python3', '-c', 'print(6 * 7)'])).stdout)
   */
  static async open(options?: ManagerOptions): Promise<SandboxManager> {
    const parsed = parseManager(options);
    throwIfAborted(parsed.signal, 'opening a manager');
    const backend = await openBackend(parsed);
    try {
      const engine = await abortable(backend.connect(parsed.signal), parsed.signal, 'opening a manager');
      throwIfAborted(parsed.signal, 'opening a manager');
      for (const { options } of parsed.kept) checkCpus('open: pool', options.limits.cpus, engine.cpus);
      for (const entry of parsed.pool.keep) refuseUnkept('open: pool', { ...parsed.defaults, ...entry }, backend);
      await abortable(backend.prepare(), parsed.signal, 'opening a manager');
      throwIfAborted(parsed.signal, 'opening a manager');
      const context = contextOf(backend, engine, parsed);
      const manager = new SandboxManager(context, engine, startWatchdog(context, stateRoot(parsed.stateDir)), parsed);
      manager.#start(parsed);
      return manager;
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  #start({ handleSignals, signal, sweep }: ParsedOptions): void {
    if (handleSignals) {
      this.#unguard = guard({
        close: (hurry) => {
          if (hurry) this.#context.goodbyeMs = 0;
          return this.close();
        },
      });
    }
    this.#removeAbortListener = onAbort(signal, () => void this.close());
    this.#pool.start();
    if (sweep) void this.#track(this.#sweep());
  }

  /** Removes leftovers of dead owners from the engine and the temp root. It never removes anything of a live owner. */
  static async sweep(options?: SweepOptions): Promise<SweepReport> {
    const parsed = parseOptions(sweepSchema, options, 'sweep');
    const backend = await openBackend(parsed);
    try {
      await abortable(backend.connect(parsed.signal), parsed.signal, 'sweeping');
      return await sweep(backend, stateRoot(parsed.stateDir), parsed.signal);
    } finally {
      backend.close();
    }
  }

  /** @internal Path of the manager's temp directories. */
  get directory(): string {
    return this.#context.instanceDir;
  }

  /** Address of the engine, and how it was found. */
  get endpoint(): string {
    return this.#backend.description;
  }

  /**
   * Creates a sandbox: a container with the agent and a workspace, filled with the seed if one is given.
   *
   * @throws RipcordError `image-not-found` (with how to get it), `runtime-not-found`, `create-failed` …; TaskAbortedError
   * if `options.signal` fired. No container or directory is left behind then.
   */
  async create(options?: CreateOptions): Promise<Sandbox> {
    const isObject = typeof (options ?? {}) === 'object' && !Array.isArray(options);
    const given = isObject ? { ...this.#defaults, ...options } : options;
    const parsed = parseOptions(createSchema, given, 'create');
    if (this.#closing !== undefined) throw new RipcordError('manager-closed', 'The manager is closed');
    throwIfAborted(parsed.signal, 'creating a sandbox');
    checkCpus('create', parsed.limits.cpus, this.engine.cpus);
    refuseUnkept('create', given as CreateOptions, this.#backend);
    if (typeof parsed.network === 'object') parsed.network.deny.push(...this.#denied);
    return traced(
      'ripcord.create',
      { 'ripcord.image': parsed.image },
      () => this.#track(this.#create(parsed)),
      ({ id }) => ({ 'ripcord.sandbox': id }),
    );
  }

  /**
   * Denies these hosts to every sandbox created from now on, whatever `network.allow` contains. Entries have the form
   * of `network.deny`. A server uses it to protect its own address.
   */
  denyEgress(entries: readonly string[]): void {
    this.#denied.push(...entries);
  }

  /** Lists Ripcord's own images and their state in the engine. */
  async images(): Promise<ImageStatus[]> {
    return this.#backend.images?.list() ?? [];
  }

  /** Counters of the pool. Pooled sandboxes are not in `list()`. */
  get pool(): PoolStats {
    return this.#pool.stats;
  }

  /** Resolves when the pool holds the number of sandboxes that it is configured for. */
  poolFilled(): Promise<void> {
    return this.#pool.filled();
  }

  /** Lists the open sandboxes. */
  list(): Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  /** Returns the open sandbox with this id; undefined if there is none. */
  get(id: string): Sandbox | undefined {
    return this.#sandboxes.get(id);
  }

  /**
   * Closes every sandbox, and verifies that no container, volume or directory is left. Idempotent.
   * @returns the removed objects that were verified absent, and the leftovers
   */
  close(): Promise<Receipt> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #create(options: ResolvedCreateOptions): Promise<Sandbox> {
    const startedAt = performance.now();
    const signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    const claimed = await this.#pool.claim(options, signal);
    const id = claimed?.nextId ?? newId();
    const { image } = options;
    this.#made++;
    this.#emit({ type: 'sandbox.creating', sandbox: id, image, at: Date.now() });
    let container: LiveContainer;
    try {
      container = await this.#containerFor(id, options, claimed, signal);
    } catch (error) {
      const hint = error instanceof RipcordError ? error.hint : undefined;
      const failure = { error: messageOf(error), ...(hint !== undefined && { hint }) };
      this.#emit({ type: 'sandbox.failed', sandbox: id, ...failure, at: Date.now() });
      throw error;
    }
    const sandbox = this.#handOver(container, options);
    const pooled = container === claimed;
    const durationMs = performance.now() - startedAt;
    this.#logger.info({ sandbox: id, image, durationMs: Math.round(durationMs) }, 'sandbox created');
    this.#emit({ type: 'sandbox.created', sandbox: id, image, pooled, warm: pooled, durationMs, at: Date.now() });
    for (const { code, message } of sandbox.warnings) {
      this.#logger.warn({ sandbox: id, code }, message);
      this.#emit({ type: 'sandbox.warning', sandbox: id, code, message, at: Date.now() });
    }
    const report = sandbox.seedReport;
    if (report && report.refusedCount > 0) this.#emit({ type: 'seed.incomplete', sandbox: id, report, at: Date.now() });
    return sandbox;
  }

  /** Returns the claimed container, or a new one if none was claimed or the claimed one has ended meanwhile. */
  async #containerFor(
    id: string,
    options: ResolvedCreateOptions,
    claimed: LiveContainer | undefined,
    signal: AbortSignal,
  ): Promise<LiveContainer> {
    if (claimed && (await this.#pool.adopt(claimed, id, options, signal))) return claimed;
    return launch(this.#context, { id, options, resettable: options.reuse !== false, signal });
  }

  #handOver(container: LiveContainer, options: ResolvedCreateOptions): Sandbox {
    const sandbox = new Sandbox(container, options, this.#owner);
    this.#sandboxes.set(sandbox.id, sandbox);
    container.hold({
      id: sandbox.id,
      leaseMs: options.leaseMs,
      silent: (ms) => sandbox.condemn(silence(ms)),
      ended: (end) => this.#pipeEnded(sandbox, end),
    });
    return sandbox;
  }

  readonly #owner: SandboxOwner = {
    condemned: (sandbox, reason) => this.#logger.error({ sandbox: sandbox.id, reason }, 'sandbox condemned'),
    close: (sandbox) => this.#track(this.#closeSandbox(sandbox)),
    emit: (event) => this.#emit(event),
  };

  #pipeEnded(sandbox: Sandbox, end: PipeEnd): void {
    const loss = sandbox.pipeEnded(end);
    if (!loss) return;
    this.#logger.warn({ sandbox: sandbox.id, reason: loss.reason }, 'sandbox lost');
    this.#emit({ type: 'sandbox.lost', sandbox: sandbox.id, reason: loss.reason, at: Date.now() });
    // Remove its leftovers now: the caller may close the sandbox late or never.
    void sandbox.close();
  }

  async #closeSandbox(sandbox: Sandbox): Promise<SandboxReceipt> {
    const startedAt = performance.now();
    const { client, container, directory } = sandbox.parts;
    const commandsKilled = client.activeStreams;
    sandbox.release();
    const reuse = await this.#pool.recycle(sandbox.container, sandbox.id, sandbox.options);
    const errors = reuse?.recycled ? [] : await sandbox.container.remove();
    const absent = reuse?.recycled ? false : await sandbox.container.isAbsent();
    this.#sandboxes.delete(sandbox.id);
    const receipt: SandboxReceipt = {
      sandbox: sandbox.id,
      container: { id: container.id, name: container.name, verifiedAbsent: absent },
      directory: { path: directory, verifiedAbsent: !existsSync(directory) },
      commandsKilled,
      durationMs: performance.now() - startedAt,
      ...(reuse && { reuse }),
      errors,
    };
    this.#logger.info({ ...receipt }, 'sandbox closed');
    this.#emit({ type: 'sandbox.closed', sandbox: sandbox.id, receipt, at: Date.now() });
    return receipt;
  }

  async #close(): Promise<Receipt> {
    const startedAt = performance.now();
    this.#removeAbortListener();
    this.#stop.abort(new RipcordError('manager-closed', 'The manager was closed'));
    // The pool refuses containers from now on.
    const drained = this.#pool.drain();
    const receipts = await Promise.all(this.list().map((sandbox) => sandbox.close()));
    await drained;
    await Promise.allSettled(this.#pending);
    // Drain again: containers may have been handed back meanwhile.
    await this.#pool.drain();
    const errors = [...receipts.flatMap((receipt) => receipt.errors), ...this.#pool.errors];
    const place = { instance: this.instance, directory: this.directory, root: this.#root };
    const left = await audit(this.#backend, place, errors);
    const durationMs = performance.now() - startedAt;
    const receipt: Receipt = { instance: this.instance, sandboxes: this.#made, left, durationMs, errors };
    // If the cleanup failed, release the watchdog: it then removes the leftovers as those of a dead owner.
    if (left.containers + left.volumes + left.directories === 0 && errors.length === 0) this.#watchdog.dismiss();
    else this.#watchdog.release();
    this.#unguard();
    this.#backend.close();
    this.#logger.info({ ...receipt }, 'manager closed');
    return receipt;
  }

  async #sweep(): Promise<void> {
    try {
      const report = await sweep(this.#backend, this.#root, this.#stop.signal);
      if (this.listenerCount('event') > 0) this.#emit({ type: 'swept', report, at: Date.now() });
      const removed = Object.values(report.removed).flat();
      if (removed.length > 0) this.#logger.info({ removed }, 'removed what dead owners left');
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#logger.warn({ error: messageOf(error) }, 'sweep failed');
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => {},
      () => {},
    );
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
    return work;
  }

  #emit(event: ManagerEvent): void {
    try {
      this.emit('event', event);
    } catch (error) {
      // A listener that throws must not keep a sandbox from being removed.
      this.#logger.warn({ error: messageOf(error), event: event.type }, 'a listener threw');
    }
  }
}
