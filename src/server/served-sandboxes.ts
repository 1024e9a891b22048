/** The sandboxes of each caller, with their last commands, and the receipts of closed ones. */

import { RipcordError, SandboxLostError } from '../base/errors.js';
import type { Principal } from '../http/auth.js';
import { CALLER_LABEL } from '../launch/options.js';
import type { ManagerEvent } from '../sandbox/events.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';
import type { PastCommand } from '../wire/commands.js';
import type { KeptReceipt, SandboxDocument } from '../wire/sandboxes.js';
import { checkPackages } from './caller-egress.js';
import { BackgroundCommands } from './commands/background-commands.js';
import { CommandHistory } from './commands/command-history.js';
import { type CallerCreateOptions, checkCreate } from './create-options.js';
import type { CallerPolicy } from './options.js';
import type { Ownership } from './ownership.js';

const MAX_RECEIPTS = 100;
const MAX_GONE = 10_000;

export class ServedSandboxes {
  readonly #manager: SandboxManager;
  readonly #ownership: Ownership;
  readonly #policy: CallerPolicy;
  readonly #history = new Map<string, CommandHistory>();
  /** Number of sandboxes being created, by token. */
  readonly #making = new Map<string, number>();
  readonly #commands = new Map<string, BackgroundCommands>();
  /** Reasons why closed sandboxes ended, so that requests for them get 410 instead of 404. */
  readonly #gone = new Map<string, { error: SandboxLostError; principal: string | undefined }>();
  readonly #receipts: { receipt: KeptReceipt; principal: string | undefined }[] = [];

  constructor(manager: SandboxManager, ownership: Ownership, policy: CallerPolicy) {
    this.#manager = manager;
    this.#ownership = ownership;
    this.#policy = policy;
  }

  /** @throws RipcordError `quota`, `forbidden`; the errors of `manager.create()` */
  async create(principal: Principal, options: CallerCreateOptions, signal: AbortSignal): Promise<Sandbox> {
    checkCreate(options, this.#policy);
    const { name } = principal;
    const making = this.#making.get(name) ?? 0;
    const open = this.#manager.list().filter(({ id }) => this.#ownership.asked(principal, id)).length;
    if (open + making >= this.#policy.maxSandboxes) {
      throw new RipcordError(
        'quota',
        `This token has ${this.#policy.maxSandboxes} sandboxes open, which is its maximum`,
      );
    }
    this.#making.set(name, making + 1);
    try {
      // Separate the callers: a sandbox is never reused for a task of another caller.
      const reuse = options.reuse && JSON.stringify([name, options.reuse]);
      if (options.network !== 'none') await checkPackages(options.network.allow);
      const labels = Object.fromEntries(
        Object.entries(options.labels).map(([key, value]) => [CALLER_LABEL + key, value]),
      );
      const { ca, upstreamProxy } = this.#policy;
      const network = options.network === 'none' ? options.network : { ...options.network, ca, upstreamProxy };
      return await this.#ownership.run({ principal }, () =>
        this.#manager.create({ ...options, labels, network, reuse, signal }),
      );
    } finally {
      this.#making.set(name, this.#making.get(name)! - 1);
    }
  }

  /** @throws RipcordError `not-found`, also for a sandbox of another caller; SandboxLostError for one that has ended */
  get(principal: Principal, id: string): Sandbox {
    const sandbox = this.#manager.get(id);
    if (sandbox && this.#ownership.mayUse(principal, id)) return sandbox;
    const gone = this.#gone.get(id);
    if (gone && (principal.operator || gone.principal === principal.name)) throw gone.error;
    throw new RipcordError('not-found', `There is no sandbox ${id}`);
  }

  list(principal: Principal): Sandbox[] {
    return this.#manager.list().filter(({ id }) => this.#ownership.mayUse(principal, id));
  }

  describe(sandbox: Sandbox): SandboxDocument {
    const { id, image, createdAt, endsAt, closed } = sandbox;
    const { memory, cpus, pids } = sandbox.limits;
    const owner = this.#ownership.of(id);
    const labels = labelsOf(sandbox);
    const last = this.#history.get(id)?.last;
    return {
      id,
      image,
      createdAt: createdAt.toISOString(),
      endsAt: endsAt.toISOString(),
      limits: { memory, cpus, pids },
      state: closed ? 'closing' : 'open',
      ...(owner && { owner: owner.principal.name }),
      ...(owner?.task !== undefined && { task: owner.task }),
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(last && { lastCommand: last }),
    };
  }

  commands(sandbox: Sandbox): BackgroundCommands {
    let commands = this.#commands.get(sandbox.id);
    if (!commands) {
      commands = new BackgroundCommands(sandbox, this.#policy.maxCommands);
      this.#commands.set(sandbox.id, commands);
    }
    return commands;
  }

  /** Returns the last commands of a sandbox, newest first. */
  history({ id }: Sandbox): PastCommand[] {
    return this.#history.get(id)?.list() ?? [];
  }

  /** Returns the receipts that the caller may see, newest first. */
  receipts(principal: Principal): KeptReceipt[] {
    const visible = this.#receipts.filter((kept) => principal.operator || kept.principal === principal.name);
    return visible.map(({ receipt }) => receipt).reverse();
  }

  /** Updates commands and receipts. The server calls it with each event of the manager. */
  follow(event: ManagerEvent): void {
    switch (event.type) {
      case 'command.started': {
        const history = this.#history.get(event.sandbox) ?? new CommandHistory();
        this.#history.set(event.sandbox, history);
        history.started(event.command, event.argv, event.at);
        return;
      }
      case 'command.ended':
        this.#history.get(event.sandbox)?.ended(event.command, event.result, event.at);
        return;
      case 'sandbox.lost':
        this.#remember(event.sandbox, `Sandbox ${event.sandbox} is gone: ${event.reason}`, false);
        return;
      case 'sandbox.closed':
        if (!this.#gone.has(event.sandbox)) this.#remember(event.sandbox, `Sandbox ${event.sandbox} is closed`, true);
        this.#receipts.push({
          receipt: { ...event.receipt, at: event.at },
          principal: this.#ownership.of(event.sandbox)?.principal.name,
        });
        if (this.#receipts.length > MAX_RECEIPTS) this.#receipts.shift();
        this.#history.delete(event.sandbox);
        this.#commands.delete(event.sandbox);
        return;
      default:
    }
  }

  #remember(sandbox: string, message: string, closed: boolean): void {
    const error = new SandboxLostError(message, { closed, details: { sandbox } });
    this.#gone.set(sandbox, { error, principal: this.#ownership.of(sandbox)?.principal.name });
    if (this.#gone.size > MAX_GONE) this.#gone.delete(this.#gone.keys().next().value!);
  }
}

/** Returns the labels with the names that the caller gave, without the prefix that the server added. */
function labelsOf({ labels }: Sandbox): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      name.startsWith(CALLER_LABEL) ? name.slice(CALLER_LABEL.length) : name,
      value,
    ]),
  );
}
