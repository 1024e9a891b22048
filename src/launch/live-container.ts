/**
 * A container with its agent, for as long as both live. Lease, reset and removal belong to it. It serves one sandbox at
 * a time; in the pool it serves none.
 */
import { existsSync } from 'node:fs';
import type { AgentClient, PipeEnd } from '../agent/client.js';
import type { Ready } from '../agent/messages.js';
import type { Container, ResolvedImage, RunningLimits } from '../backends/backend.js';
import { within } from '../base/abort.js';
import { EngineLostError, messageOf, SandboxLostError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { errnoName } from '../base/linux.js';
import { removeTree } from '../base/remove-tree.js';
import { makeSandboxDir } from '../cleanup/state-dir.js';
import type { CommandHost } from '../command/command.js';
import type { Environment } from '../command/environment.js';
import type { CommandResult } from '../command/outcome.js';
import { canBeWarm, warmRequest } from '../command/warm.js';
import type { EgressProxy } from '../egress/proxy.js';
import type { StagedSeed } from '../workspace/stage.js';
import { type Beginning, beginningOf } from './beginning.js';
import { runningLimits } from './container-spec.js';
import type { LaunchContext } from './context.js';
import type { Leased } from './lease.js';
import { type Loss, lossFromOutside, lossHint, lossOf } from './loss.js';
import type { ResolvedCreateOptions } from './options.js';
import { undo } from './undo.js';
import type { SandboxWarning } from './warnings.js';

/** Parts of one sandbox. */
export interface Launched {
  id: string;
  createdAt: Date;
  image: ResolvedImage;
  /** Variables that the image sets for every process. */
  imageEnv: Environment;
  container: Container;
  client: AgentClient;
  ready: Ready;
  directory: string;
  /** User that commands run as. */
  user: string;
  /** True if the image has no name for that user. */
  isNameless: boolean;
  /** Second uid of the sandbox. Verdicts are made as this user. */
  judge: string | undefined;
  seed: { staged: StagedSeed; directory: string } | undefined;
  egress: { proxy: EgressProxy; env: Record<string, string> } | undefined;
  begins: Beginning;
  limits: RunningLimits;
  /** Maximum number of sockets that the agent allows; 0 for no limit. */
  maxSockets: number;
  warnings: readonly SandboxWarning[];
}

/** Sandbox or pool that a container serves at present. */
interface Holder {
  /** Id of the holder in logs. */
  readonly id: string;
  readonly leaseMs: number;
  /** Called if the agent did not answer for longer than its lease. */
  silent(silentMs: number): void;
  /** Called when the pipe has ended, at most once. */
  ended(end: PipeEnd): void;
}

/** Time limit of a reset in milliseconds. It is longer than the agent's own. */
const RESET_MS = 10_000;
/**
 * Time in milliseconds after the agent's last frame in which a container needs no check. A reset container is often
 * claimed at once.
 */
const FRESH_MS = 50;
const ENGINE_CHECK_MS = 3000;

export class LiveContainer {
  /** Parts of the current sandbox, or of the next one. */
  parts: Launched;
  /** Id of its first sandbox. */
  readonly id: string;
  readonly #context: LaunchContext;
  /** Number of resets, each after one sandbox. */
  #resets = 0;
  #holder: Holder | undefined;
  #lease: Leased | undefined;
  #end: PipeEnd | undefined;
  #condemned: Loss | undefined;

  constructor(parts: Launched, context: LaunchContext) {
    this.parts = parts;
    this.id = parts.id;
    this.#context = context;
    void parts.client.ended.then((end) => this.#ended(end));
  }

  /** Id of the next sandbox that it serves: its own for the first, then `-2`, `-3` … */
  get nextId(): string {
    return this.#resets === 0 ? this.id : `${this.id}-${this.#resets + 1}`;
  }

  get imageId(): string {
    return this.parts.image.id;
  }

  get isEnded(): boolean {
    return this.parts.client.isEnded;
  }

  /** Host of commands that do not belong to a sandbox. */
  get host(): CommandHost {
    const { client, maxSockets } = this.parts;
    return {
      client,
      maxSockets,
      over: new Promise(() => {}),
      explainLoss: (partial) => this.explainLoss(partial),
      condemn: (reason) => this.condemn({ reason }),
    };
  }

  /** Assigns the container to `holder`: its lease applies from now on, and it is notified when the pipe ends. */
  hold(holder: Holder | undefined): void {
    if (this.#lease) this.#context.leases.delete(this.#lease);
    this.#holder = holder;
    this.#lease = undefined;
    if (holder === undefined) return;
    const { client } = this.parts;
    if (this.#end) void client.ended.then((end) => holder.ended(end));
    if (client.isEnded) return;
    const { id, leaseMs } = holder;
    this.#lease = { id, leaseMs, heartbeat: () => client.ping(), lost: (silentMs) => holder.silent(silentMs) };
    this.#context.leases.add(this.#lease);
  }

  #ended(end: PipeEnd): void {
    this.#end = end;
    if (this.#lease) this.#context.leases.delete(this.#lease);
    this.#lease = undefined;
    this.#holder?.ended(end);
  }

  /** Breaks the pipe, because the agent did not obey. The first reason is the one reported. */
  condemn(loss: Loss): void {
    this.#condemned ??= loss;
    this.parts.client.destroy();
  }

  /** Resolves to true if the agent answers. */
  async check(): Promise<boolean> {
    const { client } = this.parts;
    if (this.#resets > 0 && client.silentMs < FRESH_MS) return true;
    return client.ping().then(
      () => true,
      () => false,
    );
  }

  /** Starts the warm interpreter. Resolves to false if the sandbox cannot have one. */
  async warmUp(): Promise<boolean> {
    return warmUp(this.parts);
  }

  /**
   * Changes the limits of the container to `asked`.
   * @throws SandboxLostError if its limits cannot be changed (memory in use, or a runtime that does not support it)
   */
  async resize(asked: ResolvedCreateOptions['limits']): Promise<RunningLimits> {
    const { container, limits } = this.parts;
    const { memory, cpus, pids } = asked;
    if (limits.memoryBytes === memory && limits.cpus === cpus && limits.pids === pids) return limits;
    const wanted = runningLimits(asked, this.#context.cpuTurn);
    await this.#context.backend.resize(container.id, wanted).catch((cause) => {
      throw new SandboxLostError('its limits could not be changed', { cause });
    });
    return wanted;
  }

  /**
   * Resets the container: the agent kills and removes everything in it. Then prepares it for the next sandbox, with a
   * new directory.
   * @param plain options that the pool would create it with
   * @returns the reason why it must not be used again; `undefined` if it is proven that nothing of the last sandbox is
   * left
   */
  async reset(plain: ResolvedCreateOptions): Promise<string | undefined> {
    // The agent handles requests in order, so requests for the next sandbox are sent before the reset is answered.
    const resetting = provenEmpty(this.parts);
    const [left, next] = await Promise.all([resetting, this.#renewed(plain).catch(messageOf)]);
    if (typeof next === 'string') return left ?? next;
    if (left !== undefined) {
      await removeTree(next.directory).catch(() => {});
      return left;
    }
    this.#resets++;
    this.parts = next;
    return undefined;
  }

  /** Returns the parts of the next sandbox. */
  async #renewed(plain: ResolvedCreateOptions): Promise<Launched> {
    const { parts } = this;
    const begins = beginningOf(parts, {}, plain);
    parts.client.setLease(plain.leaseMs, plain.lifetimeMs);
    if (plain.warm) void warmUp({ ...parts, begins }).catch(() => {});
    const id = `${this.id}-${this.#resets + 2}`;
    const directory = await makeSandboxDir(this.#context.instanceDir, id);
    return { ...parts, id, directory, begins, seed: undefined, egress: undefined };
  }

  /** Ends the agent, and removes container and directory. Never rejects: resolves to the errors. */
  async remove(): Promise<string[]> {
    const { client, container, directory } = this.parts;
    const errors: string[] = [];
    const failed = (error: unknown) => void errors.push(messageOf(error));
    this.hold(undefined);
    if (!client.isEnded) {
      client.shutdown();
      await within(client.ended, this.#context.goodbyeMs);
    }
    client.destroy();
    await Promise.all([
      this.#context.backend.remove(container.name).catch(failed),
      removeTree(directory).catch(failed),
    ]);
    return errors;
  }

  /** Resolves to true if the container does not exist any more. */
  isAbsent(): Promise<boolean> {
    return this.#context.backend.isAbsent(this.parts.container.name).catch(() => false);
  }

  /** Removes the container at once, because it could not be handed over. Adds leftovers to the details of `error`. */
  async undo(error: unknown): Promise<void> {
    const { client, container, directory, egress } = this.parts;
    this.hold(undefined);
    egress?.proxy.close();
    await undo(this.#context, container.name, client, directory, error);
  }

  /**
   * Adds the reason of the loss to the result of a command whose pipe broke.
   * @throws EngineLostError if the engine does not answer
   */
  async explainLoss(partial: () => CommandResult): Promise<CommandResult> {
    const { client, container } = this.parts;
    const { backend } = this.#context;
    const end = await client.ended;
    if (end.bye === 'lease' || end.bye === 'lifetime') return { ...partial(), hint: lossHint(lossOf(end)) };
    const answers = await within(
      backend.isAbsent(container.name).then(
        () => true,
        () => false,
      ),
      ENGINE_CHECK_MS,
    );
    // The host's own reason comes first: then the host itself broke the pipe.
    if (answers) return { ...partial(), hint: lossHint(this.#condemned ?? lossFromOutside(end)) };
    const hint = `The engine at ${backend.description} does not answer: it was stopped or restarted, or the way to it broke.`;
    throw new EngineLostError(`The engine at ${backend.description} was lost while a command ran`, {
      partial: { ...partial(), outcome: 'engine-lost', hint },
      hint: 'Was it restarted? The next sweep removes leftovers; `ripcord doctor` shows more.',
      cause: end.cause,
    });
  }
}

async function warmUp({ client, begins }: Pick<Launched, 'client' | 'begins'>): Promise<boolean> {
  return canBeWarm(begins.warm) && client.warm(warmRequest(begins.warm));
}

/**
 * Lets the agent reset the sandbox, and removes its directory on the host.
 * @returns the reason why the sandbox is not empty
 */
async function provenEmpty({ client, directory }: Launched): Promise<string | undefined> {
  try {
    const [answer] = await Promise.all([within(client.reset(), RESET_MS), removeTree(directory)]);
    if (answer === undefined) return 'the reset took too long';
    if (answer.errno !== 0) return printable(answer.what) || errnoName(answer.errno);
    return existsSync(directory) ? 'its directory could not be removed' : undefined;
  } catch (error) {
    return messageOf(error);
  }
}
