/** The ready sandboxes of one kind. */
import type { ResolvedCreateOptions } from '../launch/options.js';
import type { Pooled } from './pooled.js';

/** Untouched ones are for everybody, used ones for tasks of the domain that has used them. */
const UNTOUCHED = undefined;

export interface Standing<P> {
  pooled: P;
  domain: string | undefined;
  since: number;
}

export class Shelf<P extends Pooled> {
  readonly options: ResolvedCreateOptions;
  /** Kept whatever is asked for. */
  readonly size: number;
  /** Learnt from misses, given up when nobody asks any more. */
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

  /** How many are to be made. */
  get missing(): number {
    return Math.max(0, this.size + this.learnt - this.untouched - this.making);
  }

  /** Of them, those that are kept whatever is asked for. */
  get owed(): number {
    return Math.max(0, this.size - this.untouched - this.making);
  }

  /** True when it may be forgotten. */
  get isBare(): boolean {
    return this.size + this.learnt + this.count + this.making === 0;
  }

  put(pooled: P, domain: string | undefined, now: number): void {
    this.#standing.push({ pooled, domain, since: now });
  }

  /** The one used last in `domain`, else the newest untouched one: the others may then grow old and go. */
  take(domain: string | undefined, now: number): Standing<P> | undefined {
    this.#claimedAt = now;
    const of = (wanted: string | undefined) => this.#standing.findLastIndex((standing) => standing.domain === wanted);
    const used = domain === undefined ? -1 : of(domain);
    const index = used >= 0 ? used : of(UNTOUCHED);
    return index < 0 ? undefined : this.#standing.splice(index, 1)[0];
  }

  /** False when it does not stand here. */
  remove(pooled: P): boolean {
    const index = this.#standing.findIndex((standing) => standing.pooled === pooled);
    if (index >= 0) this.#standing.splice(index, 1);
    return index >= 0;
  }

  /** Takes out what nobody has asked for in `idleMs`. */
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
