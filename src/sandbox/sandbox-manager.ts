/** Owns every sandbox of a process: makes them, knows them, and sees to it that none outlives its owner. */
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentClient, PipeEnd } from '../agent/client.js';
import type { Backend, EngineFacts, RunningLimits } from '../backends/backend.js';
import { DockerBackend } from '../backends/docker/docker-backend.js';
import { abortable, onAbort, throwIfAborted, within } from '../base/abort.js';
import { EngineLostError, messageOf, RipcordError, SandboxLostError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/logger.js';
import { parseOptions } from '../base/parse-options.js';
import { removeTree } from '../base/remove-tree.js';
import { traced } from '../base/tracing.js';
import { guard } from '../cleanup/process-handlers.js';
import type { Receipt, SandboxReceipt } from '../cleanup/receipt.js';
import { closeStateRoot, makeInstanceDir, makeSandboxDir, stateRoot } from '../cleanup/state-dir.js';
import { type SweepReport, sweep } from '../cleanup/sweep.js';
import { Watchdog } from '../cleanup/watchdog.js';
import type { CommandResult } from '../command/outcome.js';
import type { ImageStatus } from '../images/image-status.js';
import { AdaptiveGate } from '../launch/adaptive-gate.js';
import { checkCpus } from '../launch/cpu-limit.js';
import { CpuTurn } from '../launch/cpu-turn.js';
import { furnish, type LaunchContext, launch, runningLimits, undo } from '../launch/launch.js';
import { type Leased, LeaseKeeper } from '../launch/lease.js';
import { type CreateOptions, createSchema, type ResolvedCreateOptions } from '../launch/options.js';
import { UidSlots } from '../launch/uid-slots.js';
import type { SandboxWarning } from '../launch/warnings.js';
import { keptOptions, WARM_LEASE_MS, warmOptions } from '../pool/pool-key.js';
import { parsePool } from '../pool/pool-options.js';
import type { PoolEvent, PoolStats } from '../pool/pool-stats.js';
import { domainOf, reset, unprovable } from '../pool/recycle.js';
import { WarmPool } from '../pool/warm-pool.js';
import { WarmSandbox } from '../pool/warm-sandbox.js';
import type { SeedReport } from '../workspace/seed-report.js';
import { type Loss, lossFromOutside, lossHint, lossOf } from './loss.js';
import { type ManagerOptions, managerSchema, type SweepOptions, sweepSchema } from './options.js';
import { type CommandEvent, type EgressEvent, Sandbox, type SandboxOwner } from './sandbox.js';

/** What happens, for a UI to follow: `manager.on('event', …)`. `at` is in milliseconds since 1970. */
export type ManagerEvent =
  | { type: 'sandbox.creating'; sandbox: string; image: string; at: number }
  | { type: 'sandbox.created'; sandbox: string; image: string; warm: boolean; durationMs: number; at: number }
  | { type: 'sandbox.warning'; sandbox: string; code: SandboxWarning['code']; message: string; at: number }
  /** Something of the seed could not be kept: sockets, devices, names that are not UTF-8. */
  | { type: 'seed.incomplete'; sandbox: string; report: SeedReport; at: number }
  | { type: 'sandbox.failed'; sandbox: string; error: string; hint?: string; at: number }
  | { type: 'sandbox.lost'; sandbox: string; reason: string; at: number }
  | { type: 'sandbox.closed'; sandbox: string; receipt: SandboxReceipt; at: number }
  | { type: 'swept'; report: SweepReport; at: number }
  | CommandEvent
  | EgressEvent
  | PoolEvent;

/** Whose a pipe is at present. */
interface Holder {
  lease: Leased | undefined;
  ended(end: PipeEnd): void;
}

/** How long the agent gets to say goodbye before the container is removed regardless. */
const GOODBYE_MS = 500;
/** Starting a container keeps a CPU of the engine busy: many more at once than it has are all late, and an abort with them. */
const MIN_STARTS = 2;
const STARTS_PER_CPU = 2;
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
  readonly #gate: AdaptiveGate;
  readonly #cpuTurn: CpuTurn;
  readonly #uidSlots: UidSlots | undefined;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #pool: WarmPool<WarmSandbox>;
  /** What of a pool's sandboxes could not be removed. */
  readonly #poolErrors: string[] = [];
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
    const initial = Math.max(MIN_STARTS, engine.cpus);
    this.#gate = new AdaptiveGate({ initial, min: MIN_STARTS, max: initial * STARTS_PER_CPU });
    this.#cpuTurn = new CpuTurn(engine.cpus);
    this.#uidSlots = options.uidRange
      ? new UidSlots(options.uidRange, () => backend.uidsInUse(), engine.mapsUids)
      : undefined;
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
    this.#pool = new WarmPool(options.pool, options.kept, {
      make: (asked, signal) => this.#makeWarm(asked, signal),
      remove: (warm) => this.#removeWarm(warm),
      imageId: async ({ image }) => (await this.#backend.resolveImage(image)).id,
      emit: (event) => this.#emit(event),
    });
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
  static async open(options?: ManagerOptions): Promise<SandboxManager> {
    const parsed = parseManager(options);
    throwIfAborted(parsed.signal, 'opening a manager');
    const backend = DockerBackend.open(parsed.docker);
    try {
      const engine = await abortable(backend.connect(parsed.signal), parsed.signal, 'opening a manager');
      throwIfAborted(parsed.signal, 'opening a manager');
      for (const { options } of parsed.kept) checkCpus('open: pool', options.limits.cpus, engine.cpus);
      await abortable(backend.prepareAgent(), parsed.signal, 'opening a manager');
      throwIfAborted(parsed.signal, 'opening a manager');
      return new SandboxManager(backend, engine, parsed);
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  /** Removes what dead owners left on the engine and in the temp root; never anything of a live one. */
  static async sweep(options?: SweepOptions): Promise<SweepReport> {
    const parsed = parseOptions(sweepSchema, options, 'sweep');
    const backend = DockerBackend.open(parsed.docker);
    try {
      await abortable(backend.connect(parsed.signal), parsed.signal, 'sweeping');
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
  async create(options?: CreateOptions): Promise<Sandbox> {
    const isObject = typeof (options ?? {}) === 'object' && !Array.isArray(options);
    const given = isObject ? { ...this.#defaults, ...options } : options;
    const parsed = parseOptions(createSchema, given, 'create');
    if (this.#closing !== undefined) throw new RipcordError('manager-closed', 'The manager is closed');
    throwIfAborted(parsed.signal, 'creating a sandbox');
    checkCpus('create', parsed.limits.cpus, this.engine.cpus);
    if (typeof parsed.network === 'object') parsed.network.deny.push(...this.#denied);
    return traced(
      'ripcord.create',
      { 'ripcord.image': parsed.image },
      () => this.#track(this.#create(parsed)),
      ({ id }) => ({ 'ripcord.sandbox': id }),
    );
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

  /** Sandboxes made in advance or handed back: what the pool has done so far. They are not in `list()`. */
  get pool(): PoolStats {
    return this.#pool.stats;
  }

  /** Resolves when the pool is as full as it was asked to be. */
  poolFilled(): Promise<void> {
    return this.#pool.filled();
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

  async #create(options: ResolvedCreateOptions): Promise<Sandbox> {
    const startedAt = performance.now();
    const signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    const warm = await this.#pool.claim(options, domainOf(options), signal);
    const id = warm?.nextId ?? newId();
    this.#made++;
    this.#emit({ type: 'sandbox.creating', sandbox: id, image: options.image, at: Date.now() });
    let sandbox: Sandbox;
    try {
      sandbox = await (warm ? this.#adopt(warm, id, options, signal) : this.#launch(id, options, signal));
    } catch (error) {
      const hint = error instanceof RipcordError ? error.hint : undefined;
      const said = { error: messageOf(error), ...(hint !== undefined && { hint }) };
      this.#emit({ type: 'sandbox.failed', sandbox: id, ...said, at: Date.now() });
      throw error;
    }
    this.#sandboxes.set(id, sandbox);
    this.#hold(sandbox.parts.client, {
      lease: this.#leased(sandbox),
      ended: (end) => this.#pipeEnded(sandbox, end),
    });
    const durationMs = performance.now() - startedAt;
    const { image } = options;
    this.#logger.info({ sandbox: id, image, durationMs: Math.round(durationMs) }, 'sandbox created');
    this.#emit({ type: 'sandbox.created', sandbox: id, image, warm: warm !== undefined, durationMs, at: Date.now() });
    for (const { code, message } of sandbox.warnings) {
      this.#logger.warn({ sandbox: id, code }, message);
      this.#emit({ type: 'sandbox.warning', sandbox: id, code, message, at: Date.now() });
    }
    const report = sandbox.seedReport;
    if (report && report.refusedCount > 0) this.#emit({ type: 'seed.incomplete', sandbox: id, report, at: Date.now() });
    return sandbox;
  }

  #context(resettable: boolean): LaunchContext {
    return {
      backend: this.#backend,
      instance: this.instance,
      instanceDir: this.#directory,
      gate: this.#gate,
      resettable,
      cpuTurn: this.#cpuTurn,
      uidSlots: this.#uidSlots,
    };
  }

  async #launch(id: string, options: ResolvedCreateOptions, signal: AbortSignal): Promise<Sandbox> {
    const parts = await launch(this.#context(domainOf(options) !== undefined), id, options, signal);
    return this.#prepared(new Sandbox(parts, options, this.#owner), signal);
  }

  /** One of the pool's, for a task. It answered a moment ago; where it dies now, another is made. */
  async #adopt(warm: WarmSandbox, id: string, options: ResolvedCreateOptions, signal: AbortSignal): Promise<Sandbox> {
    const { container, client, directory } = warm.parts;
    this.#warm.set(client, warm);
    const undone = async (error: unknown) => {
      await undo(this.#backend, container.name, client, directory, error);
      throw error;
    };
    try {
      const limits = await this.#resized(warm, options).catch(undone);
      const parts = await furnish({ ...warm.parts, limits }, id, options, signal).catch(undone);
      return await this.#prepared(new Sandbox(parts, options, this.#owner), signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof SandboxLostError)) throw error;
      this.#pool.refused(id, options.image, error.message);
      return this.#launch(id, options, signal);
    }
  }

  /** @throws SandboxLostError where its limits cannot be changed (memory in use, a runtime that does not know how) */
  async #resized(warm: WarmSandbox, options: ResolvedCreateOptions): Promise<RunningLimits> {
    const { container, limits } = warm.parts;
    const { memory, cpus, pids } = options.limits;
    if (limits.memoryBytes === memory && limits.cpus === cpus && limits.pids === pids) return limits;
    const wanted = runningLimits(options.limits, this.#cpuTurn);
    await this.#backend.resize(container.id, wanted).catch((cause) => {
      throw new SandboxLostError('its limits could not be changed', { cause });
    });
    return wanted;
  }

  async #prepared(sandbox: Sandbox, signal: AbortSignal): Promise<Sandbox> {
    const { container, client, directory } = sandbox.parts;
    // A large seed takes longer than a short lease.
    this.#hold(client, { lease: this.#leased(sandbox), ended: () => {} });
    try {
      await sandbox.prepare(signal);
      throwIfAborted(signal, 'handing over the sandbox');
      return sandbox;
    } catch (error) {
      this.#hold(client, undefined);
      sandbox.release();
      await undo(this.#backend, container.name, client, directory, error);
      throw error;
    }
  }

  /** For the pool: a sandbox with all that can be done before anybody claims it. */
  async #makeWarm(options: ResolvedCreateOptions, signal: AbortSignal): Promise<WarmSandbox> {
    const sandbox = await this.#prepared(
      new Sandbox(await launch(this.#context(true), newId(), options, signal), options, this.#owner),
      signal,
    );
    return this.#stand(new WarmSandbox(sandbox.parts));
  }

  /** What stands in the pool has a lease as any other, and is missed when it ends. */
  #stand(warm: WarmSandbox): WarmSandbox {
    const lost = (reason: string) => this.#pool.lost(warm, reason);
    this.#hold(warm.parts.client, {
      lease: {
        id: warm.id,
        leaseMs: WARM_LEASE_MS,
        heartbeat: () => warm.parts.client.ping(),
        lost: () => lost('it gave no sign of life'),
      },
      ended: () => lost('ended by itself'),
    });
    return warm;
  }

  async #removeWarm(warm: WarmSandbox): Promise<void> {
    const { container, client, directory } = warm.parts;
    const failed = (error: unknown) => void this.#poolErrors.push(`${container.name}: ${messageOf(error)}`);
    this.#hold(client, undefined);
    await warm.end(this.#hurry ? 0 : GOODBYE_MS);
    await Promise.all([this.#backend.remove(container.name).catch(failed), removeTree(directory).catch(failed)]);
  }

  readonly #warm = new WeakMap<AgentClient, WarmSandbox>();
  readonly #holders = new WeakMap<AgentClient, Holder>();

  /** Says who hears of a pipe's end and gives its signs of life from now on: one at a time, however many tasks it serves. */
  #hold(client: AgentClient, holder: Holder | undefined): void {
    const before = this.#holders.get(client);
    if (before?.lease) this.#lease.delete(before.lease);
    this.#holders.set(client, holder ?? { lease: undefined, ended: () => {} });
    if (holder?.lease && !client.isEnded) this.#lease.add(holder.lease);
    if (!before) void client.ended.then((end) => this.#holders.get(client)!.ended(end));
    else if (client.isEnded) void client.ended.then((end) => holder?.ended(end));
  }

  readonly #owner: SandboxOwner = {
    explainLoss: (sandbox, partial) => this.#explainLoss(sandbox, partial),
    condemn: (sandbox, reason) => {
      this.#logger.error({ sandbox: sandbox.id, reason }, 'sandbox condemned');
      this.#condemned.set(sandbox, sandbox.lose({ reason }));
      sandbox.parts.client.destroy();
    },
    close: (sandbox) => this.#track(this.#closeSandbox(sandbox)),
    emit: (event) => this.#emit(event),
  };

  #leased(sandbox: Sandbox): Leased {
    return {
      id: sandbox.id,
      leaseMs: sandbox.leaseMs,
      heartbeat: () => sandbox.parts.client.ping(),
      lost: (silentMs: number) =>
        this.#owner.condemn(sandbox, `it gave no sign of life for ${Math.round(silentMs / 1000)} s`),
    };
  }

  #pipeEnded(sandbox: Sandbox, end: PipeEnd): void {
    const { lease } = this.#holders.get(sandbox.parts.client)!;
    if (lease) this.#lease.delete(lease);
    if (this.#explicitlyClosed.has(sandbox)) return;
    const reason = sandbox.lose(lossOf(end)).reason;
    this.#logger.warn({ sandbox: sandbox.id, reason }, 'sandbox lost');
    this.#emit({ type: 'sandbox.lost', sandbox: sandbox.id, reason, at: Date.now() });
    // Whatever ended it, its leftovers are removed now rather than when somebody thinks of closing it.
    void sandbox.close();
  }

  async #explainLoss(sandbox: Sandbox, partial: () => CommandResult): Promise<CommandResult> {
    // Its pipe may live on, for another task.
    if (this.#explicitlyClosed.has(sandbox)) {
      throw new SandboxLostError(`Sandbox ${sandbox.id} was closed`, {
        closed: true,
        partial: { ...partial(), hint: 'The sandbox was closed while it ran.' },
      });
    }
    const end = await sandbox.parts.client.ended;
    if (end.bye === 'lease' || end.bye === 'lifetime') return { ...partial(), hint: lossHint(lossOf(end)) };
    const answers = await within(
      this.#backend.isAbsent(sandbox.parts.container.name).then(
        () => true,
        () => false,
      ),
      ENGINE_CHECK_MS,
    );
    // The manager's own reason for ending it comes first: it broke the pipe.
    if (answers) return { ...partial(), hint: lossHint(this.#condemned.get(sandbox) ?? lossFromOutside(end)) };
    const hint = `The engine at ${this.endpoint} does not answer: it was stopped or restarted, or the way to it broke.`;
    throw new EngineLostError(`The engine at ${this.endpoint} was lost while a command ran`, {
      partial: { ...partial(), outcome: 'engine-lost', hint },
      hint: 'Was it restarted? What it still holds is removed by the next sweep; `ripcord doctor` looks closer.',
      cause: end.cause,
    });
  }

  readonly #explicitlyClosed = new WeakSet<Sandbox>();
  readonly #condemned = new WeakMap<Sandbox, Loss>();

  async #closeSandbox(sandbox: Sandbox): Promise<SandboxReceipt> {
    const startedAt = performance.now();
    const { client, container, directory } = sandbox.parts;
    const errors: string[] = [];
    const failed = (error: unknown) => void errors.push(messageOf(error));
    const commandsKilled = client.activeStreams;
    if (!client.isEnded) this.#explicitlyClosed.add(sandbox);
    sandbox.release();
    const reuse = await this.#recycle(sandbox);
    let absent = false;
    if (!reuse?.recycled) {
      if (!client.isEnded) {
        client.shutdown();
        await within(client.ended, this.#hurry ? 0 : GOODBYE_MS);
        client.destroy();
      }
      await Promise.all([this.#backend.remove(container.name).catch(failed), removeTree(directory).catch(failed)]);
      absent = await this.#backend.isAbsent(container.name).catch(() => false);
    }
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

  /** With `reuse`: hands the sandbox to the pool if it is proven to hold nothing of its task. */
  async #recycle(sandbox: Sandbox): Promise<SandboxReceipt['reuse']> {
    const startedAt = performance.now();
    const { options, parts } = sandbox;
    const domain = domainOf(options);
    if (domain === undefined) return undefined;
    const refused = (reason: string): SandboxReceipt['reuse'] => {
      this.#pool.refused(sandbox.id, options.image, reason);
      return { recycled: false, reason };
    };
    if (parts.client.isEnded) return refused('it had ended');
    const closing = this.#stop.signal.aborted ? 'the manager is closing' : undefined;
    const refusal = closing ?? unprovable(options) ?? this.#pool.refusal(options);
    if (refusal !== undefined) return refused(refusal);
    const plain = warmOptions(options);
    const clean = new Sandbox({ ...parts, seed: undefined, egress: undefined }, plain, this.#owner);
    // The agent obeys in order: what comes after the reset is on its way before the answer to it is.
    const resetting = reset(parts);
    const [left, renewed] = await Promise.all([resetting, this.#renewed(clean).catch(messageOf)]);
    const problem = left ?? (typeof renewed === 'string' ? renewed : undefined);
    if (problem !== undefined || typeof renewed === 'string') {
      if (typeof renewed !== 'string') await removeTree(renewed.parts.directory).catch(() => {});
      return refused(problem!);
    }
    this.#pool.give(this.#stand(renewed), options, domain);
    return { recycled: true, resetMs: performance.now() - startedAt };
  }

  /** The sandbox as the next task will find it, with a directory on this side. */
  async #renewed(clean: Sandbox): Promise<WarmSandbox> {
    const { parts, options } = clean;
    const before = this.#warm.get(parts.client) ?? new WarmSandbox(parts);
    parts.client.setLease(WARM_LEASE_MS, options.lifetimeMs);
    if (options.warm) void clean.warmUp().catch(() => {});
    const { nextId: id } = new WarmSandbox(parts, before);
    const directory = await makeSandboxDir(this.#directory, id);
    return new WarmSandbox({ ...parts, id, directory }, before);
  }

  async #close(): Promise<Receipt> {
    const startedAt = performance.now();
    this.#removeAbortListener();
    this.#stop.abort(new RipcordError('manager-closed', 'The manager was closed'));
    const errors: string[] = [];
    const [receipts] = await Promise.all([
      Promise.all(this.list().map((sandbox) => sandbox.close())),
      this.#pool.drain(),
    ]);
    await Promise.allSettled(this.#pending);
    // What was handed back at that moment.
    await this.#pool.drain();
    for (const receipt of receipts) errors.push(...receipt.errors);
    errors.push(...this.#poolErrors);
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
    try {
      this.emit('event', event);
    } catch (error) {
      // Whoever watches cannot keep a sandbox from being removed.
      this.#logger.warn({ error: messageOf(error), event: event.type }, 'a listener threw');
    }
  }
}

function parseManager(options: ManagerOptions | undefined) {
  const parsed = parseOptions(managerSchema, options, 'open');
  if (parsed.defaults) parseOptions(createSchema.omit({ signal: true }), parsed.defaults, 'open: defaults');
  const pool = parsePool(parsed.pool);
  return { ...parsed, pool, kept: keptOptions(pool, parsed.defaults ?? {}) };
}

const newId = (): string => randomBytes(6).toString('hex');
