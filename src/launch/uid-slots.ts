/** Uids of their own for sandboxes: the kernel counts inotify watches, pages in pipes and the like for each uid of the machine. */

/** Two uids that follow each other: the commands', and the one verdicts are made as. */
const PAIR = 2;
/** One that a container is being made for is in no list yet. */
const MAKING_MS = 60_000;
/** A list of the engine's containers is good for so long. */
const FRESH_MS = 5000;

interface UidRange {
  first: number;
  count: number;
}

export class UidSlots {
  readonly range: UidRange;
  /** The engine may have too few uids for the range. */
  readonly mayBeUnmapped: boolean;
  #isDisabled = false;
  readonly #list: () => Promise<number[]>;
  readonly #taken = new Map<number, number>();
  #listed: Promise<Set<number>> | undefined;
  #listedAt = Number.NEGATIVE_INFINITY;

  /** @param list The first uids of the pairs that containers of any orchestrator on the engine have. */
  constructor(range: UidRange, list: () => Promise<number[]>, mayBeUnmapped = false) {
    this.range = range;
    this.mayBeUnmapped = mayBeUnmapped;
    this.#list = list;
  }

  /** Gives out no more: the engine has refused a uid of the range and taken the shared one. */
  disable(): void {
    this.#isDisabled = true;
  }

  /** Whether `image` gives all of them a name. */
  namedBy(image: { uids: UidRange | undefined }): boolean {
    const { first, count } = this.range;
    return (
      image.uids !== undefined && image.uids.first <= first && first + count <= image.uids.first + image.uids.count
    );
  }

  /**
   * A pair that no container on the engine has, drawn at random because other orchestrators draw as well: two that draw the
   * same one at the same moment share it. `undefined` where none is free.
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

  /** Only the first list is waited for: a later one is asked for while the one before it is used. */
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
