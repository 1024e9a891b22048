/** Owns every sandbox of a process: makes them, knows them, and sees to it that none outlives its owner. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PipeEnd } from './agent/client.js';
import type { Backend, EngineFacts } from './backends/backend.js';
import { DockerBackend } from './backends/docker/docker-backend.js';
import type { CommandResult } from './command/outcome.js';
import * as config from './config.js';
import { EngineLostError, messageOf, RipcordError, SandboxLostError } from './errors.js';
import type { ImageStatus } from './images/build.js';
import { onAbort, throwIfAborted, within } from './lifecycle/abort.js';
import { launch, undo } from './lifecycle/launch.js';
import { LeaseKeeper } from './lifecycle/lease.js';
import type { Receipt, SandboxReceipt } from './lifecycle/receipt.js';
import { Semaphore } from './lifecycle/semaphore.js';
import { closeStateRoot, makeInstanceDir, removeTree, stateRoot } from './lifecycle/state-dir.js';
import { type SweepReport, sweep } from './lifecycle/sweep.js';
import { guard } from './lifecycle/teardown.js';
import { Watchdog } from './lifecycle/watchdog.js';
import { type Logger, silentLogger } from './logger.js';
import { type CommandEvent, type EgressEvent, Sandbox, type SandboxOwner } from './sandbox.js';

/** What happens, for a UI to follow: `manager.on('event', …)`. `at` is in milliseconds since 1970. */
export type ManagerEvent =
  | { type: 'sandbox.creating'; sandbox: string; image: string; at: number }
  | { type: 'sandbox.created'; sandbox: string; image: string; durationMs: number; at: number }
  | { type: 'sandbox.failed'; sandbox: string; error: string; at: number }
  | { type: 'sandbox.lost'; sandbox: string; reason: string; at: number }
  | { type: 'sandbox.closed'; sandbox: string; receipt: SandboxReceipt; at: number }
  | { type: 'swept'; report: SweepReport; at: number }
  | CommandEvent
  | EgressEvent;

/** How long the agent gets to say goodbye before the container is removed regardless. */
const GOODBYE_MS = 500;
/** Starting a container keeps a CPU of the engine busy: more at once than it has are all late, and an abort with them. */
const MIN_STARTS = 2;
const ENGINE_CHECK_MS = 3000;

export class SandboxManager extends EventEmitter<{ event: [ManagerEvent] }> implements AsyncDisposable {
  /** Names this manager in labels and directories. */
  readonly instance: string;
  readonly engine: EngineFacts;
  readonly #backend: Backend;
  readonly #root: string;
  readonly #directory: string;
  readonly #defaults: object;
  readonly #logger: Logger;
  readonly #watchdog: Watchdog;
  readonly #lease: LeaseKeeper;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Work that must have ended before the manager has. */
  readonly #gate: Semaphore;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  readonly #unguard: () => void;
  readonly #removeAbortListener: () => void;
  readonly #denied: string[] = [];
  #made = 0;
  #hurry = false;
  #closing: Promise<Receipt> | undefined;

  private constructor(backend: Backend, engine: EngineFacts, options: ReturnType<typeof parseManager>) {
    super();
    this.#backend = backend;
    this.engine = engine;
    this.#gate = new Semaphore(Math.max(MIN_STARTS, engine.cpus));
    this.instance = randomBytes(8).toString('hex');
    this.#logger = options.logger ?? silentLogger;
    this.#defaults = options.defaults ?? {};
    this.#root = stateRoot(options.stateDir);
    this.#directory = join(this.#root, this.instance);
    // Before anything there is to remove: the owner may be killed right here.
    this.#watchdog = new Watchdog({
      connection: backend.connection,
      instance: this.instance,
      directory: this.#directory,
      root: this.#root,
    });
    try {
      makeInstanceDir(this.#root, this.instance);
    } catch (error) {
      this.#watchdog.dismiss();
      throw error;
    }
    this.#lease = new LeaseKeeper(this.#logger);
    this.#unguard = options.handleSignals
      ? guard({
          close: (hurry) => {
            this.#hurry ||= hurry;
            return this.close();
          },
        })
      : () => {};
    this.#removeAbortListener = onAbort(options.signal, () => void this.close());
    if (options.sweep) void this.#track(this.#sweep());
  }

  /**
   * Connects to the engine, brings the agent to it (once), and starts the watchdog.
   *
   * @throws RipcordError `engine-not-found`, `engine-unreachable`, `engine-permission`, `agent-missing`, each with a hint
   * @example
   * await using manager = await SandboxManager.open()
   * await using sandbox = await manager.create({ image: 'python' })
   * console.log((await sandbox.exec(['python3', '-c', 'print(6 * 7)'])).stdout)
   */
  static async open(options?: config.ManagerOptions): Promise<SandboxManager> {
    const parsed = parseManager(options);
    throwIfAborted(parsed.signal, 'opening a manager');
    const backend = DockerBackend.open(parsed.docker);
    try {
      const engine = await backend.connect(parsed.signal);
      throwIfAborted(parsed.signal, 'opening a manager');
      await backend.prepareAgent();
      throwIfAborted(parsed.signal, 'opening a manager');
      return new SandboxManager(backend, engine, parsed);
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  /** Removes what dead owners left on the engine and in the temp root; never anything of a live one. */
  static async sweep(options?: config.SweepOptions): Promise<SweepReport> {
    const parsed = config.parseOptions(config.sweepSchema, options, 'sweep');
    const backend = DockerBackend.open(parsed.docker);
    try {
      await backend.connect(parsed.signal);
      return await sweep(backend, stateRoot(parsed.stateDir), parsed.signal);
    } finally {
      backend.close();
    }
  }

  /** @internal Where its temp directories are. */
  get directory(): string {
    return this.#directory;
  }

  /** Where the engine is and how it was found. */
  get endpoint(): string {
    return this.#backend.description;
  }

  /**
   * Makes a sandbox: a container with the agent in it and a workspace, seeded if asked for.
   *
   * @throws RipcordError `image-not-found` (with how to get it), `runtime-not-found`, `create-failed` …; TaskAbortedError
   * when `options.signal` fired. Nothing is left behind then.
   */
  async create(options?: config.CreateOptions): Promise<Sandbox> {
    const parsed = config.parseOptions(config.createSchema, { ...this.#defaults, ...options }, 'create');
    if (this.#closing !== undefined) throw new RipcordError('manager-closed', 'The manager is closed');
    throwIfAborted(parsed.signal, 'creating a sandbox');
    if (typeof parsed.network === 'object') parsed.network.deny.push(...this.#denied);
    return this.#track(this.#create(parsed));
  }

  /**
   * Hosts that no sandbox made from now on may reach, whatever it is allowed: entries as in `network.deny`. A server keeps
   * its own address out of reach with it.
   */
  denyEgress(entries: readonly string[]): void {
    this.#denied.push(...entries);
  }

  /** Ripcord's own images and their state in the engine. */
  images(): Promise<ImageStatus[]> {
    return this.#backend.catalog();
  }

  /** The sandboxes that are open. */
  list(): Sandbox[] {
    return [...this.#sandboxes.values()];
  }

  get(id: string): Sandbox | undefined {
    return this.#sandboxes.get(id);
  }

  /** Closes every sandbox and makes sure that nothing is left. Idempotent; the receipt says what was verified. */
  close(): Promise<Receipt> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #create(options: config.ResolvedCreateOptions): Promise<Sandbox> {
    const startedAt = performance.now();
    const id = randomBytes(6).toString('hex');
    this.#made++;
    this.#emit({ type: 'sandbox.creating', sandbox: id, image: options.image, at: Date.now() });
    const signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    const context = {
      backend: this.#backend,
      instance: this.instance,
      instanceDir: this.#directory,
      gate: this.#gate,
    };
    let sandbox: Sandbox;
    try {
      const parts = await launch(context, id, options, signal);
      sandbox = new Sandbox(parts, options, this.#owner);
      try {
        await sandbox.prepare(signal);
        throwIfAborted(signal, 'handing over the sandbox');
      } catch (error) {
        await undo(this.#backend, parts.container.name, parts.client, parts.directory, error);
        throw error;
      }
    } catch (error) {
      this.#emit({ type: 'sandbox.failed', sandbox: id, error: messageOf(error), at: Date.now() });
      throw error;
    }
    this.#sandboxes.set(id, sandbox);
    this.#lease.add(this.#leased(sandbox));
    void sandbox.parts.client.ended.then((end) => this.#pipeEnded(sandbox, end));
    const durationMs = performance.now() - startedAt;
    this.#logger.info({ sandbox: id, image: options.image, durationMs: Math.round(durationMs) }, 'sandbox created');
    this.#emit({ type: 'sandbox.created', sandbox: id, image: options.image, durationMs, at: Date.now() });
    return sandbox;
  }

  readonly #owner: SandboxOwner = {
    explainLoss: (sandbox, partial) => this.#explainLoss(sandbox, partial),
    condemn: (sandbox, reason) => {
      this.#logger.error({ sandbox: sandbox.id, reason }, 'sandbox condemned');
      sandbox.lose(reason);
      sandbox.parts.client.destroy();
    },
    close: (sandbox) => this.#track(this.#closeSandbox(sandbox)),
    emit: (event) => this.#emit(event),
  };

  readonly #leases = new WeakMap<Sandbox, Parameters<LeaseKeeper['add']>[0]>();

  #leased(sandbox: Sandbox): Parameters<LeaseKeeper['add']>[0] {
    const leased = {
      id: sandbox.id,
      leaseMs: sandbox.leaseMs,
      heartbeat: () => sandbox.parts.client.ping(),
      lost: (silentMs: number) =>
        this.#owner.condemn(sandbox, `it gave no sign of life for ${Math.round(silentMs / 1000)} s`),
    };
    this.#leases.set(sandbox, leased);
    return leased;
  }

  #pipeEnded(sandbox: Sandbox, end: PipeEnd): void {
    const leased = this.#leases.get(sandbox);
    if (leased) this.#lease.delete(leased);
    if (this.#explicitlyClosed.has(sandbox)) return;
    const reason = sandbox.lose(lossReason(end));
    this.#logger.warn({ sandbox: sandbox.id, reason }, 'sandbox lost');
    this.#emit({ type: 'sandbox.lost', sandbox: sandbox.id, reason, at: Date.now() });
    // Whatever ended it, its leftovers are removed now rather than when somebody thinks of closing it.
    void sandbox.close();
  }

  async #explainLoss(sandbox: Sandbox, partial: () => CommandResult): Promise<CommandResult> {
    const end = await sandbox.parts.client.ended;
    if (end.bye === 'lease' || end.bye === 'lifetime') return partial();
    if (this.#explicitlyClosed.has(sandbox)) {
      throw new SandboxLostError(`Sandbox ${sandbox.id} was closed`, { closed: true, partial: partial() });
    }
    const answers = await within(
      this.#backend.isAbsent(sandbox.parts.container.name).then(
        () => true,
        () => false,
      ),
      ENGINE_CHECK_MS,
    );
    if (answers) return partial();
    throw new EngineLostError(`The engine at ${this.endpoint} was lost while a command ran`, {
      partial: { ...partial(), outcome: 'engine-lost' },
      cause: end.cause,
    });
  }

  readonly #explicitlyClosed = new WeakSet<Sandbox>();

  async #closeSandbox(sandbox: Sandbox): Promise<SandboxReceipt> {
    const startedAt = performance.now();
    const { client, container, directory } = sandbox.parts;
    const errors: string[] = [];
    const failed = (error: unknown) => void errors.push(messageOf(error));
    const commandsKilled = client.activeStreams;
    if (!client.isEnded) {
      this.#explicitlyClosed.add(sandbox);
      client.shutdown();
      await within(client.ended, this.#hurry ? 0 : GOODBYE_MS);
      client.destroy();
    }
    await Promise.all([this.#backend.remove(container.name).catch(failed), removeTree(directory).catch(failed)]);
    const absent = await this.#backend.isAbsent(container.name).catch(() => false);
    this.#sandboxes.delete(sandbox.id);
    const receipt: SandboxReceipt = {
      sandbox: sandbox.id,
      container: { id: container.id, name: container.name, verifiedAbsent: absent },
      directory: { path: directory, verifiedAbsent: !existsSync(directory) },
      commandsKilled,
      durationMs: performance.now() - startedAt,
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
    const errors: string[] = [];
    const receipts = await Promise.all(this.list().map((sandbox) => sandbox.close()));
    await Promise.allSettled(this.#pending);
    for (const receipt of receipts) errors.push(...receipt.errors);
    const left = await this.#audit(errors);
    const receipt: Receipt = {
      instance: this.instance,
      sandboxes: this.#made,
      left,
      durationMs: performance.now() - startedAt,
      errors,
    };
    // An owner that could not clean up is a dead one to its watchdog.
    if (left.containers + left.volumes + left.directories === 0 && errors.length === 0) this.#watchdog.dismiss();
    else this.#watchdog.release();
    this.#unguard();
    this.#backend.close();
    this.#logger.info({ ...receipt }, 'manager closed');
    return receipt;
  }

  /** Looks for what is left, removes it, and counts what is left then. */
  async #audit(errors: string[]): Promise<Receipt['left']> {
    const left = { containers: 0, volumes: 0, directories: 0 };
    try {
      const containers = await this.#backend.containers(this.instance);
      await Promise.all(containers.map((container) => this.#backend.remove(container.id)));
      const volumes = await this.#backend.volumes(this.instance);
      await Promise.all(volumes.map((volume) => this.#backend.removeVolume(volume.name)));
      if (containers.length > 0) left.containers = (await this.#backend.containers(this.instance)).length;
      if (volumes.length > 0) left.volumes = (await this.#backend.volumes(this.instance)).length;
    } catch (error) {
      errors.push(`what is left could not be looked up: ${messageOf(error)}`);
    }
    await removeTree(this.#directory).catch((error) => errors.push(messageOf(error)));
    left.directories = existsSync(this.#directory) ? 1 : 0;
    closeStateRoot(this.#root);
    return left;
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
    this.emit('event', event);
  }
}

function parseManager(options: config.ManagerOptions | undefined) {
  const parsed = config.parseOptions(config.managerSchema, options, 'open');
  if (parsed.defaults)
    config.parseOptions(config.createSchema.omit({ signal: true }), parsed.defaults, 'open: defaults');
  return parsed;
}

/** Why a pipe ended, in a few words. */
function lossReason(end: PipeEnd): string {
  if (end.bye === 'lifetime') return 'its lifetime was over';
  if (end.bye === 'lease') return 'its owner gave no sign of life for the length of the lease';
  if (end.bye === 'sigterm') return 'it was stopped from outside';
  return (
    end.cause?.message ??
    (end.diagnostics || 'the pipe to it broke: it was killed from outside, or the engine went away')
  );
}
