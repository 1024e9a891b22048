/** Prevents work on hostile input from blocking the event loop. */

/**
 * Number of steps between two turns of the event loop. A step costs about as much as comparing a character or a map
 * lookup, 5 to 50 ns: 500,000 of them take 5 to 25 ms.
 */
export const STEPS_PER_TURN = 500_000;

/**
 * Counts steps of work, and gives other events their turn when there were enough:
 *
 *     for (const item of many) {
 *       if (meter.spend(costOf(item))) await meter.rest(signal)
 *       …
 *     }
 */
export class WorkMeter {
  /** Largest number of steps between two rests. */
  longest = 0;
  #spent = 0;

  /** Counts `steps`. Returns true if it is time to rest. */
  spend(steps: number): boolean {
    this.#spent += steps;
    if (this.#spent > this.longest) this.longest = this.#spent;
    return this.#spent >= STEPS_PER_TURN;
  }

  /**
   * Yields to the event loop.
   * @throws the reason of `signal` if it has fired meanwhile
   */
  async rest(signal?: AbortSignal | undefined): Promise<void> {
    this.#spent = 0;
    await nextTurn();
    signal?.throwIfAborted();
  }
}

/** Tasks that rest. An immediate is scheduled while there are any. */
const resting: (() => void)[] = [];

/** Resolves in a later turn. Each turn resumes one task, because ten at once would make a turn of ten parts. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (resting.push(resolve) === 1) setImmediate(wakeOne);
  });
}

function wakeOne(): void {
  resting.shift()?.();
  if (resting.length > 0) setImmediate(wakeOne);
}

/**
 * Sorts by UTF-16 code units of `key`. It merges sorted runs, so that no turn of the event loop sorts all items. May
 * reorder `items`.
 */
export async function sortInTurns<T>(items: T[], key: (item: T) => string, signal?: AbortSignal): Promise<T[]> {
  const meter = new WorkMeter();
  const before = (a: T, b: T): boolean => key(a) <= key(b);
  const RUN = 1024;
  let from = items;
  for (let start = 0; start < from.length; start += RUN) {
    const run = from.slice(start, start + RUN).sort((a, b) => (before(a, b) ? -1 : 1));
    for (let i = 0; i < run.length; i++) from[start + i] = run[i]!;
    if (meter.spend(costOfSorting(run, key))) await meter.rest(signal);
  }
  let to: T[] = new Array(from.length);
  for (let width = RUN; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const [middle, end] = [Math.min(start + width, from.length), Math.min(start + 2 * width, from.length)];
      for (let left = start, right = middle, at = start; at < end; at++) {
        const takeLeft = right >= end || (left < middle && before(from[left]!, from[right]!));
        to[at] = takeLeft ? from[left++]! : from[right++]!;
        if (meter.spend(key(to[at]!).length)) await meter.rest(signal);
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/**
 * Returns the steps of sorting a run. Paths of one directory share its whole name, so each comparison may read all of
 * it.
 */
function costOfSorting<T>(run: readonly T[], key: (item: T) => string): number {
  const characters = run.reduce((sum, item) => sum + key(item).length, 0);
  return characters * Math.ceil(Math.log2(run.length + 1));
}
