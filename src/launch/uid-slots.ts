/**
 * Allocates uids that belong to one sandbox, because the kernel counts inotify watches, pages in pipes and the like per
 * uid of the machine.
 */

/** Number of consecutive uids per sandbox: one for commands, one for verdicts. */
const PAIR = 2;
/**
 * Time in milliseconds that a taken uid stays reserved: until its container is created, it is not in the engine's list.
 */
const MAKING_MS = 60_000;
/** Time in milliseconds for which a list of the engine's containers is used. */
const FRESH_MS = 5000;

interface UidRange {
  first: number;
  count: number;
}

export class UidSlots {
  readonly range: UidRange;
  /** True if the engine may not map all uids of the range. */
  readonly mayBeUnmapped: boolean;
  #isDisabled = false;
  readonly #list: () => Promise<number[]>;
  readonly #taken = new Map<number, number>();
  #listed: Promise<Set<number>> | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;

  /**
   * Creates an allocator.
   * @param list returns the first uid of each pair that containers on the engine use, of any orchestrator
   */
  constructor(range: UidRange, list: () => Promise<number[]>, mayBeUnmapped = false) {
    this.range = range;
    this.mayBeUnmapped = mayBeUnmapped;
    this.#list = list;
  }

  /** Stops the allocation: the engine refused a uid of the range and accepted the shared one. */
  disable(): void {
    this.#isDisabled = true;
  }

  /** Returns true if `image` has a name for every uid of the range. */
  namedBy(image: { uids: UidRange | undefined }): boolean {
    const { first, count } = this.range;
    return (
      image.uids !== undefined && image.uids.first <= first && first + count <= image.uids.first + image.uids.count
    );
  }

  /**
   * Returns the first uid of a pair that no container on the engine has; `undefined` if none is free. It is chosen at
   * random, because other orchestrators choose from the same range: two that choose the same pair at the same moment
   * share it.
   */
  async take(): Promise<number | undefined> {
    if (this.#isDisabled) return undefined;
    const listed = await this.#inUse();
    const now = performance.now();
    for (const [uid, at] of this.#taken) if (now - at > MAKING_MS) this.#taken.delete(uid);
    const pairs = Math.floor(this.range.count / PAIR);
    const start = Math.floor(Math.random() * pairs);
    for (let i = 0; i < pairs; i++) {
      const uid = this.range.first + ((start + i) % pairs) * PAIR;
      if (listed.has(uid) || this.#taken.has(uid)) continue;
      this.#taken.set(uid, now);
      return uid;
    }
    return undefined;
  }

  /** Waits only for the first list. Later lists are requested in the background, while the previous one is used. */
  async #inUse(): Promise<Set<number>> {
    const before = this.#listed;
    if (performance.now() - this.#listedAt > FRESH_MS) {
      this.#listedAt = performance.now();
      const next = this.#list().then((uids) => new Set(uids));
      this.#listed = next.catch(() => before ?? new Set());
    }
    return (before ?? this.#listed)!;
  }
}
