/**
 * The pool of one manager: creates containers in advance, hands them to sandboxes, and takes them back if they are
 * proven clean.
 */
import { SandboxLostError } from '../base/errors.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { LaunchContext } from '../launch/context.js';
import { launch, newId } from '../launch/launch.js';
import type { LiveContainer } from '../launch/live-container.js';
import type { ResolvedCreateOptions } from '../launch/options.js';
import { furnish } from '../launch/prepare.js';
import { POOLED_LEASE_MS, pooledOptions } from './pool-key.js';
import type { ResolvedPool } from './pool-options.js';
import type { PoolEvent, PoolStats } from './pool-stats.js';
import { type Kept, ReadyPool } from './ready-pool.js';
import { domainOf } from './recycle.js';

export class ContainerPool {
  /** Errors of removals, each with the name of its container. */
  readonly errors: string[] = [];
  readonly #context: LaunchContext;
  readonly #ready: ReadyPool<LiveContainer>;

  constructor(options: ResolvedPool, kept: Kept[], context: LaunchContext, emit: (event: PoolEvent) => void) {
    this.#context = context;
    const { capabilities } = context.backend;
    this.#ready = new ReadyPool(options, kept, {
      make: (asked, signal) => this.#make(asked, signal),
      remove: (container) => this.#remove(container),
      canResize: capabilities.resize,
      imageId: async ({ image }) =>
        capabilities.imageInspect ? (await context.backend.resolveImage(image)).id : undefined,
      emit,
    });
  }

  start(): void {
    this.#ready.start();
  }

  get stats(): PoolStats {
    return this.#ready.stats;
  }

  /** Resolves when nothing is missing or being made, or the pool is drained. */
  filled(): Promise<void> {
    return this.#ready.filled();
  }

  /** Stops creating and accepting containers, and removes all. Idempotent. */
  drain(): Promise<void> {
    return this.#ready.drain();
  }

  /** Returns a container for `options` that has just answered; `undefined` if there is none. */
  claim(options: ResolvedCreateOptions, signal: AbortSignal): Promise<LiveContainer | undefined> {
    return this.#ready.claim(options, domainOf(options), signal);
  }

  /**
   * Turns a claimed container into the sandbox `id`.
   * @returns false if the container ended meanwhile or its limits could not be changed: then the caller launches
   * another
   */
  async adopt(
    container: LiveContainer,
    id: string,
    options: ResolvedCreateOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await furnish(container, id, options, signal);
      return true;
    } catch (error) {
      if (signal.aborted || !(error instanceof SandboxLostError)) throw error;
      this.#ready.refused(id, options.image, error.message);
      return false;
    }
  }

  /**
   * Takes back the container of a closed sandbox if it is proven that nothing of the sandbox is left; `undefined`
   * without `reuse`.
   */
  async recycle(
    container: LiveContainer,
    sandbox: string,
    options: ResolvedCreateOptions,
  ): Promise<SandboxReceipt['reuse']> {
    const startedAt = performance.now();
    const domain = domainOf(options);
    if (domain === undefined) return undefined;
    const reason = container.isEnded
      ? 'it had ended'
      : (this.#ready.refusal(options) ?? (await container.reset(pooledOptions(options))));
    if (reason !== undefined) {
      this.#ready.refused(sandbox, options.image, reason);
      return { recycled: false, reason };
    }
    this.#ready.give(this.#stand(container), options, domain);
    return { recycled: true, resetMs: performance.now() - startedAt };
  }

  async #make(options: ResolvedCreateOptions, signal: AbortSignal): Promise<LiveContainer> {
    return this.#stand(await launch(this.#context, { id: newId(), options, resettable: true, signal }));
  }

  /** Gives the container a lease while it is in the pool, and replaces it when it ends. */
  #stand(container: LiveContainer): LiveContainer {
    const lost = (reason: string) => this.#ready.lost(container, reason);
    container.hold({
      id: container.id,
      leaseMs: POOLED_LEASE_MS,
      silent: () => lost('it gave no sign of life'),
      ended: () => lost('ended by itself'),
    });
    return container;
  }

  async #remove(container: LiveContainer): Promise<void> {
    const errors = await container.remove();
    this.errors.push(...errors.map((error) => `${container.parts.container.name}: ${error}`));
  }
}
