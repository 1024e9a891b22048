/**
 * Pool of sandboxes created in advance and of used ones proven clean: a matching `create()` gets one at once. Pooled
 * sandboxes belong to the manager as all others do, with the same layers of teardown.
 */
import pRetry from 'p-retry';
import { throwIfAborted, within } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import { Semaphore } from '../base/semaphore.js';
import type { ResolvedCreateOptions } from '../launch/options.js';
import { mouldKey, pooledOptions, poolKey } from './pool-key.js';
import type { ResolvedPool } from './pool-options.js';
import { type PoolStats, Tally } from './pool-stats.js';
import type { Pooled, PoolMaker } from './pooled.js';
import { unprovable } from './recycle.js';
import { Shelf, type Standing } from './shelf.js';

/**
 * Delay in milliseconds between a claim and the next refill. Creating a sandbox uses a CPU that the caller of
 * `create()` needs first.
 */
const REFILL_DELAY_MS = 50;
/** Time limit of a check in milliseconds. An answer normally takes 1 ms. */
const CHECK_MS = 1000;
/** Interval in milliseconds at which replaced images are detected and idle sandboxes removed. */
const TEND_MS = 10_000;
/** Delays between attempts to create a sandbox. */
const RETRY = { minTimeout: 500, maxTimeout: 30_000, factor: 2 };
/** Number of retries for a learnt kind. After them the kind is given up: the next `create()` reports the error. */
const LEARNT_RETRIES = 3;
const ENDED = 'ended by itself';

export interface Kept {
  options: ResolvedCreateOptions;
  size: number;
}

export class ReadyPool<P extends Pooled> {
  readonly #options: Omit<ResolvedPool, 'keep'>;
  readonly #maker: PoolMaker<P>;
  readonly #now: () => number;
  readonly #shelves = new Map<string, Shelf<P>>();
  readonly #gate: Semaphore;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #tally = new Tally();
  #refillTimer: NodeJS.Timeout | undefined;
  #tendTimer: NodeJS.Timeout | undefined;

  constructor(options: Omit<ResolvedPool, 'keep'>, keep: Kept[], maker: PoolMaker<P>, now = () => performance.now()) {
    this.#options = options;
    this.#maker = maker;
    this.#now = now;
    this.#gate = new Semaphore(options.concurrency);
    for (const kept of keep) {
      const key = poolKey(kept.options)!;
      const size = kept.size + (this.#shelves.get(key)?.size ?? 0);
      this.#shelves.set(key, new Shelf(kept.options, size, now()));
    }
  }

  /** Starts creating the sandboxes that are kept ready. */
  start(): void {
    this.#refill();
  }

  /**
   * Returns a checked sandbox for `options`; `undefined` if there is none.
   * @param domain trust domain: its tasks may use the same sandbox one after another
   */
  async claim(
    options: ResolvedCreateOptions,
    domain: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<P | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    const shelf = this.#shelfFor(options);
    for (const from of this.#sources(options, shelf)) {
      const pooled = await this.#takeFrom(from, domain, signal);
      if (!pooled) continue;
      this.#tally.hits++;
      return pooled;
    }
    if (!shelf) return undefined;
    this.#tally.misses++;
    if (this.#options.learn && this.#wanted() < this.#options.max) shelf.learnt++;
    this.#refillSoon();
    return undefined;
  }

  /**
   * Yields `shelf`, then shelves that differ only in limits: changing the limits of a sandbox is faster than creating
   * one.
   */
  *#sources(options: ResolvedCreateOptions, shelf: Shelf<P> | undefined): Generator<Shelf<P>> {
    if (shelf) yield shelf;
    if (!this.#maker.canResize) return;
    const mould = mouldKey(options);
    for (const other of [...this.#shelves.values()]) {
      if (other !== shelf && mould !== undefined && mouldKey(other.options) === mould) yield other;
    }
  }

  async #takeFrom(
    shelf: Shelf<P>,
    domain: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<P | undefined> {
    for (let found = shelf.take(domain, this.#now()); found; found = shelf.take(domain, this.#now())) {
      const { pooled } = found;
      this.#refillSoon();
      const isWell = await this.#isWell(pooled);
      if (isWell && signal?.aborted) this.#putBack(found, shelf);
      else if (!isWell) this.#discard(pooled, shelf, pooled.isEnded ? ENDED : 'did not answer');
      throwIfAborted(signal, 'claiming a sandbox');
      if (isWell) return pooled;
    }
    return undefined;
  }

  #putBack({ pooled, domain }: Standing<P>, shelf: Shelf<P>): void {
    if (this.#stop.signal.aborted) void this.#track(this.#maker.remove(pooled));
    else shelf.put(pooled, domain, this.#now());
  }

  /** Returns why a used sandbox is not accepted; `undefined` if it is. */
  refusal(options: ResolvedCreateOptions): string | undefined {
    const refusal = this.#stop.signal.aborted ? 'the manager is closing' : unprovable(options);
    if (refusal !== undefined) return refusal;
    // Sandboxes that are kept ready have their places reserved, also while they are being created.
    return this.#reserved() >= this.#options.max ? 'the pool is full' : undefined;
  }

  /**
   * Accepts a sandbox that was proven clean, for the next task of its domain. Removes it if the pool does not accept it
   * any more.
   */
  give(pooled: P, options: ResolvedCreateOptions, domain: string): void {
    const key = poolKey(options)!;
    const shelf = this.#shelves.get(key) ?? new Shelf(pooledOptions(options), 0, this.#now());
    this.#shelves.set(key, shelf);
    const refusal = this.refusal(options) ?? (pooled.isEnded ? ENDED : undefined);
    if (refusal !== undefined) {
      this.#discard(pooled, shelf, refusal);
      return;
    }
    this.#tally.recycled++;
    shelf.put(pooled, domain, this.#now());
    this.#tendLater();
    this.#maker.emit({ type: 'pool.recycled', sandbox: pooled.id, image: options.image, domain, at: Date.now() });
  }

  /** Counts a used sandbox that was not accepted. The caller removes it. */
  refused(sandbox: string, image: string, reason: string): void {
    this.#tally.discard(reason);
    this.#maker.emit({ type: 'pool.discarded', sandbox, image, reason, at: Date.now() });
  }

  /** Removes a pooled sandbox that ended by itself, and refills. */
  lost(pooled: P, reason: string): void {
    for (const shelf of this.#shelves.values()) {
      if (!shelf.remove(pooled)) continue;
      this.#discard(pooled, shelf, reason);
      this.#refillSoon();
    }
  }

  get stats(): PoolStats {
    const shelves = [...this.#shelves.values()];
    const { hits, misses, recycled, discarded, refillMs } = this.#tally;
    return {
      hits,
      misses,
      recycled,
      discarded: Object.fromEntries(discarded),
      ready: this.#count(),
      refilling: shelves.reduce((sum, { making }) => sum + making, 0),
      refillMs,
      kinds: shelves.map(({ options, count, untouched, making, size, learnt }) => ({
        image: options.image,
        ready: untouched,
        recycled: count - untouched,
        refilling: making,
        size,
        learnt,
      })),
    };
  }

  /** Resolves when nothing is missing or being made, or the pool is drained. */
  async filled(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#refill();
      if (this.#pending.size === 0) return;
      await Promise.race(this.#pending);
    }
  }

  /** Stops creating sandboxes, and removes all. Idempotent. */
  async drain(): Promise<void> {
    this.#stop.abort(new Error('the pool was drained'));
    clearTimeout(this.#refillTimer);
    clearTimeout(this.#tendTimer);
    for (const shelf of this.#shelves.values()) {
      for (const pooled of shelf.all) {
        shelf.remove(pooled);
        void this.#track(this.#maker.remove(pooled));
      }
    }
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Removes idle sandboxes and those whose image was replaced. */
  async tend(): Promise<void> {
    for (const [key, shelf] of this.#shelves) {
      for (const pooled of shelf.shrink(this.#options.idleMs, this.#now())) this.#discard(pooled, shelf, 'idle');
      if (shelf.isBare) this.#shelves.delete(key);
      if (shelf.count === 0) continue;
      const imageId = await this.#maker.imageId(shelf.options).catch(() => undefined);
      for (const pooled of shelf.all) {
        if (imageId === undefined || pooled.imageId === imageId || !shelf.remove(pooled)) continue;
        this.#discard(pooled, shelf, 'its image was replaced');
      }
    }
    this.#refill();
  }

  #shelfFor(options: ResolvedCreateOptions): Shelf<P> | undefined {
    const key = poolKey(options);
    if (key === undefined) return undefined;
    const known = this.#shelves.get(key);
    if (known || !this.#options.learn) return known;
    const shelf = new Shelf<P>(pooledOptions(options), 0, this.#now());
    this.#shelves.set(key, shelf);
    return shelf;
  }

  #isWell(pooled: P): Promise<boolean | undefined> {
    return pooled.isEnded ? Promise.resolve(false) : within(pooled.check(), CHECK_MS);
  }

  #count(): number {
    return [...this.#shelves.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Returns the number of sandboxes in a full pool. */
  #wanted(): number {
    return [...this.#shelves.values()].reduce((sum, { count, making, missing }) => sum + count + making + missing, 0);
  }

  /**
   * Returns the number of sandboxes that are here or reserved. Learnt kinds have no reservation: used sandboxes take
   * their places.
   */
  #reserved(): number {
    return [...this.#shelves.values()].reduce((sum, { count, making, owed }) => sum + count + making + owed, 0);
  }

  #discard(pooled: P, shelf: Shelf<P>, reason: string): void {
    this.#tally.discard(reason);
    this.#maker.emit({
      type: 'pool.discarded',
      sandbox: pooled.id,
      image: shelf.options.image,
      reason,
      at: Date.now(),
    });
    void this.#track(this.#maker.remove(pooled));
  }

  #refillSoon(): void {
    this.#refillTimer ??= setTimeout(() => {
      this.#refillTimer = undefined;
      this.#refill();
    }, REFILL_DELAY_MS).unref();
  }

  #refill(): void {
    if (this.#stop.signal.aborted) return;
    for (const shelf of this.#shelves.values()) {
      for (let missing = shelf.missing; missing > 0 && this.#room() > 0; missing--) {
        shelf.making++;
        void this.#track(
          this.#fill(shelf).finally(() => {
            shelf.making--;
          }),
        );
      }
    }
    this.#tendLater();
  }

  #room(): number {
    return [...this.#shelves.values()].reduce((room, { count, making }) => room - count - making, this.#options.max);
  }

  /** Creates a sandbox for `shelf`, with retries. Never rejects. */
  async #fill(shelf: Shelf<P>): Promise<void> {
    const { signal } = this.#stop;
    const image = shelf.options.image;
    try {
      await pRetry(() => this.#make(shelf, signal), {
        ...RETRY,
        retries: shelf.size > 0 ? Number.POSITIVE_INFINITY : LEARNT_RETRIES,
        unref: true,
        signal,
        shouldRetry: () => !signal.aborted,
        onFailedAttempt: ({ error }) => {
          if (signal.aborted) return;
          this.#maker.emit({ type: 'pool.failed', image, error: messageOf(error), at: Date.now() });
        },
      });
    } catch {
      // An event has reported the error. Stop creating sandboxes of this learnt kind until it is requested again.
      shelf.learnt = 0;
    }
  }

  async #make(shelf: Shelf<P>, signal: AbortSignal): Promise<void> {
    const leave = await this.#gate.acquire(1, signal, 'making a sandbox in advance');
    try {
      const startedAt = this.#now();
      const pooled = await this.#maker.make(shelf.options, signal);
      if (signal.aborted) return await this.#maker.remove(pooled);
      const durationMs = this.#now() - startedAt;
      this.#tally.made(durationMs);
      shelf.put(pooled, undefined, this.#now());
      this.#maker.emit({
        type: 'pool.ready',
        sandbox: pooled.id,
        image: shelf.options.image,
        durationMs,
        at: Date.now(),
      });
    } finally {
      leave();
    }
  }

  /** Sets a timer if there are sandboxes. The timer does not keep the process alive. */
  #tendLater(): void {
    if (this.#tendTimer !== undefined || this.#shelves.size === 0 || this.#stop.signal.aborted) return;
    const delayMs = Math.min(TEND_MS, this.#options.idleMs);
    this.#tendTimer = setTimeout(() => {
      this.#tendTimer = undefined;
      void this.#track(this.tend());
    }, delayMs).unref();
  }

  #track(work: Promise<unknown>): Promise<unknown> {
    this.#pending.add(work);
    return work.finally(() => this.#pending.delete(work));
  }
}
