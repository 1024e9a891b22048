/** Idle pooled sandboxes with the same key. */
import type { ResolvedCreateOptions } from '../launch/options.js';
import type { Pooled } from './pooled.js';

/** Domain of unused sandboxes, which serve any task. Used ones serve only tasks of their own domain. */
const UNTOUCHED = undefined;

export interface Standing<P> {
  pooled: P;
  domain: string | undefined;
  since: number;
}

export class Shelf<P extends Pooled> {
  readonly options: ResolvedCreateOptions;
  /** Number of sandboxes that are kept ready, whether requested or not. */
  readonly size: number;
  /** Number of additional sandboxes because of misses; 0 again after `idleMs` without a request. */
  learnt = 0;
  making = 0;
  #claimedAt: number;
  #standing: Standing<P>[] = [];

  constructor(options: ResolvedCreateOptions, size: number, now: number) {
    this.options = options;
    this.size = size;
    this.#claimedAt = now;
  }

  get count(): number {
    return this.#standing.length;
  }

  get untouched(): number {
    return this.#standing.filter(({ domain }) => domain === UNTOUCHED).length;
  }

  get all(): P[] {
    return this.#standing.map(({ pooled }) => pooled);
  }

  /** Number of sandboxes to create. */
  get missing(): number {
    return Math.max(0, this.size + this.learnt - this.untouched - this.making);
  }

  /** Number of sandboxes to create for `size` alone, without the learnt ones. */
  get owed(): number {
    return Math.max(0, this.size - this.untouched - this.making);
  }

  /** True if the shelf is empty and can be deleted. */
  get isBare(): boolean {
    return this.size + this.learnt + this.count + this.making === 0;
  }

  put(pooled: P, domain: string | undefined, now: number): void {
    this.#standing.push({ pooled, domain, since: now });
  }

  /**
   * Returns the one last used in `domain`, else the newest unused one, so that the others become idle and are removed.
   */
  take(domain: string | undefined, now: number): Standing<P> | undefined {
    this.#claimedAt = now;
    const of = (wanted: string | undefined) => this.#standing.findLastIndex((standing) => standing.domain === wanted);
    const used = domain === undefined ? -1 : of(domain);
    const index = used >= 0 ? used : of(UNTOUCHED);
    return index < 0 ? undefined : this.#standing.splice(index, 1)[0];
  }

  /** Removes `pooled`. Returns false if it is not on this shelf. */
  remove(pooled: P): boolean {
    const index = this.#standing.findIndex((standing) => standing.pooled === pooled);
    if (index >= 0) this.#standing.splice(index, 1);
    return index >= 0;
  }

  /** Removes and returns the sandboxes that were not requested for `idleMs`. */
  shrink(idleMs: number, now: number): P[] {
    const unwanted = now - this.#claimedAt >= idleMs;
    if (unwanted) this.learnt = 0;
    let spare = unwanted ? this.untouched - this.size : 0;
    const gone = this.#standing.filter(({ domain, since }) =>
      domain === UNTOUCHED ? spare-- > 0 : now - since >= idleMs,
    );
    this.#standing = this.#standing.filter((standing) => !gone.includes(standing));
    return gone.map(({ pooled }) => pooled);
  }
}
