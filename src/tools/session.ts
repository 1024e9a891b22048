/** State that the calls of one conversation share: its sandboxes, its commands in the background, and kept outputs. */

import { abortable, throwIfAborted } from '../base/abort.js';
import { RipcordError, SandboxLostError } from '../base/errors.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { Language } from '../command/language-names.js';
import { INTERPRETERS } from '../command/languages.js';
import type { ManagerEvent } from '../sandbox/events.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { BackgroundCommand } from './background-command.js';
import type { ResolvedToolboxOptions } from './options.js';
import { OutputShelf } from './output-shelf.js';

/** Number of checks for idle sandboxes during `idleMs`. */
const CHECKS_PER_IDLE = 4;
/** Maximum number of ended commands whose output is kept. */
const MAX_ENDED = 32;

interface Held {
  sandbox: Sandbox;
  usedAt: number;
  /** Number of calls that are using the sandbox. */
  calls: number;
}

export class ToolSession {
  readonly options: ResolvedToolboxOptions;
  readonly outputs = new OutputShelf();
  readonly commands = new Map<string, BackgroundCommand>();
  readonly #held = new Map<string, Held>();
  readonly #stop = new AbortController();
  /** Reasons why sandboxes of this session are gone, by id. A later call with the id reports the reason. */
  readonly #gone = new Map<string, string>();
  readonly #creating = new Set<Promise<Sandbox>>();
  readonly #timer: NodeJS.Timeout | undefined;
  #default: Promise<Sandbox> | undefined;
  #defaultId: string | undefined;
  #formerDefault: string | undefined;
  #commandsMade = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedToolboxOptions) {
    this.options = options;
    const { manager, sandbox } = options;
    if (sandbox) {
      this.#default = Promise.resolve(this.#hold(sandbox));
      this.#defaultId = sandbox.id;
    }
    if (!manager) return;
    manager.on('event', this.#observe);
    this.#timer = setInterval(() => this.#closeIdle(), options.idleMs / CHECKS_PER_IDLE);
    this.#timer.unref();
  }

  /** Returns the open sandboxes, in the order in which they were made. */
  list(): Sandbox[] {
    return [...this.#held.values()].map(({ sandbox }) => sandbox).filter(({ closed }) => !closed);
  }

  /** Returns true for the sandbox that calls without an id use. */
  isDefault(sandbox: Sandbox): boolean {
    return sandbox.id === this.#defaultId;
  }

  /**
   * Calls `work` with the sandbox of that id. If no id is given, it uses the default sandbox and makes it if necessary. The
   * sandbox does not count as idle meanwhile.
   * @throws RipcordError `sandbox-closed` or `sandbox-lost` with the reason if the sandbox is gone
   */
  async use<T>(
    { id, language, signal }: { id: string | undefined; language?: Language; signal: AbortSignal | undefined },
    work: (sandbox: Sandbox) => Promise<T>,
  ): Promise<T> {
    const sandbox = id === undefined ? await this.#defaultSandbox(language, signal) : this.#named(id);
    const held = this.#held.get(sandbox.id);
    if (held) held.calls++;
    try {
      return await work(sandbox);
    } finally {
      if (held) {
        held.calls--;
        held.usedAt = Date.now();
      }
    }
  }

  /**
   * Makes another sandbox.
   * @throws RipcordError `invalid-options` if the session has the maximum number of sandboxes
   */
  async start(
    { image, lifetimeMs }: { image: string | undefined; lifetimeMs?: number },
    signal: AbortSignal | undefined,
  ): Promise<Sandbox> {
    const { manager, create, images, maxSandboxes } = this.options;
    if (!manager) throw new RipcordError('invalid-options', 'There is one sandbox in this session, and no other');
    throwIfAborted(this.#stop.signal, 'creating a sandbox');
    if (this.list().length + this.#creating.size >= maxSandboxes) {
      throw new RipcordError(
        'invalid-options',
        `This session has ${maxSandboxes} sandboxes, which is all it may have`,
        {
          hint: 'Stop one with stop_sandbox, or use one that is there (list_sandboxes).',
        },
      );
    }
    const limit = create?.lifetimeMs;
    const lifetime = lifetimeMs === undefined ? limit : Math.min(lifetimeMs, limit ?? lifetimeMs);
    const creating = manager.create({
      ...create,
      image: image ?? images[0],
      ...(lifetime === undefined ? {} : { lifetimeMs: lifetime }),
      signal: signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal,
    });
    this.#creating.add(creating);
    try {
      return this.#hold(await creating);
    } finally {
      this.#creating.delete(creating);
    }
  }

  /** Stops a sandbox; the default one if no id is given. */
  async stop(id: string | undefined): Promise<SandboxReceipt> {
    const sandbox = id === undefined ? await this.#default : this.#named(id);
    if (!sandbox) throw new RipcordError('sandbox-closed', 'There is no sandbox to stop');
    this.#gone.set(sandbox.id, 'it was stopped with stop_sandbox');
    return this.#close(sandbox);
  }

  /** Returns, once, the reason why the default sandbox was replaced by a new one. */
  takeNotice(): string | undefined {
    const former = this.#formerDefault;
    this.#formerDefault = undefined;
    return (
      former && `The earlier sandbox ${former} is gone with its files (${this.#reason(former)}); this is a new one.`
    );
  }

  /** Starts a command with `start` and keeps it in the session. */
  async background(
    sandbox: Sandbox,
    line: string,
    start: () => ReturnType<Sandbox['spawn']>,
  ): Promise<BackgroundCommand> {
    const { maxCommands, maxKeptBytes } = this.options;
    const running = [...this.commands.values()].filter((command) => command.running);
    if (running.length >= maxCommands) {
      throw new RipcordError('invalid-options', `${maxCommands} commands are running, which is all there may be`, {
        hint: `End one with kill: ${running.map(({ id }) => id).join(', ')}.`,
      });
    }
    const command = new BackgroundCommand(`c${++this.#commandsMade}`, sandbox, line, await start(), maxKeptBytes);
    this.commands.set(command.id, command);
    const ended = [...this.commands.values()].filter((other) => !other.running);
    for (const old of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.commands.delete(old.id);
    return command;
  }

  /** Ends the session: closes its sandboxes. In the caller's own sandbox it kills only the session's commands. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort(new RipcordError('manager-closed', 'The session has ended'));
    await Promise.allSettled(this.#creating);
    if (this.options.sandbox) await Promise.all([...this.commands.values()].map(({ handle }) => handle.kill()));
    else await Promise.all([...this.#held.values()].map(({ sandbox }) => sandbox.close()));
    this.options.manager?.off('event', this.#observe);
    this.#held.clear();
  }

  #hold(sandbox: Sandbox): Sandbox {
    this.#held.set(sandbox.id, { sandbox, usedAt: Date.now(), calls: 0 });
    return sandbox;
  }

  async #defaultSandbox(language: Language | undefined, signal: AbortSignal | undefined): Promise<Sandbox> {
    const known = this.#default;
    const current =
      known &&
      (await abortable(
        known.catch(() => undefined),
        signal,
        'creating a sandbox',
      ));
    if (current && (!current.closed || this.options.sandbox)) return current;
    // If several callers find the sandbox gone, the first makes the new one.
    if (this.#default === known || this.#default === undefined) {
      this.#formerDefault = current?.id;
      this.#default = this.#makeDefault(language);
    }
    // A caller that gives up must not abort the creation for the others.
    return abortable(this.#default, signal, 'creating a sandbox');
  }

  async #makeDefault(language: Language | undefined): Promise<Sandbox> {
    const { images } = this.options;
    const suitable = language && INTERPRETERS[language].image;
    const sandbox = await this.start(
      { image: suitable && images.includes(suitable) ? suitable : images[0] },
      undefined,
    );
    this.#defaultId = sandbox.id;
    return sandbox;
  }

  #named(id: string): Sandbox {
    const held = this.#held.get(id);
    if (held && !held.sandbox.closed) return held.sandbox;
    const reason = this.#gone.get(id);
    const open = this.list().map((sandbox) => sandbox.id);
    throw new SandboxLostError(reason ? `Sandbox ${id} is gone: ${reason}` : `This session has no sandbox '${id}'`, {
      closed: true,
      hint: open.length > 0 ? `There are: ${open.join(', ')}.` : 'Leave sandbox_id out to get one.',
    });
  }

  #reason(id: string): string {
    return this.#gone.get(id) ?? 'it was closed';
  }

  async #close(sandbox: Sandbox): Promise<SandboxReceipt> {
    const receipt = await sandbox.close();
    this.#held.delete(sandbox.id);
    return receipt;
  }

  readonly #observe = (event: ManagerEvent): void => {
    if (event.type === 'sandbox.lost' && this.#held.has(event.sandbox)) this.#gone.set(event.sandbox, event.reason);
    if (event.type === 'sandbox.closed') this.#held.delete(event.sandbox);
  };

  #closeIdle(): void {
    const busy = new Set([...this.commands.values()].filter(({ running }) => running).map(({ sandbox }) => sandbox.id));
    for (const { sandbox, usedAt, calls } of this.#held.values()) {
      if (calls > 0 || busy.has(sandbox.id) || Date.now() - usedAt < this.options.idleMs) continue;
      this.#gone.set(sandbox.id, 'nothing was done in it for a while');
      void this.#close(sandbox);
    }
  }
}
