/**
 * A character class such as `[a-z_]`. Lookup is a binary search, so its time grows slowly with the number of members.
 */
/** Counts the comparisons of a match. */
export interface Steps {
  count: number;
}

/** First and last UTF-16 code unit. Empty if the last comes before the first. */
export type Range = readonly [low: number, high: number];

/** The classes of git's wildmatch: ASCII only. */
const NAMED: Record<string, string> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  blank: '\t\t  ',
  cntrl: '\0\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '\t\r  ',
  upper: 'AZ',
  xdigit: '09AFaf',
};

/** Returns the members of `[:name:]`, or undefined for an unknown name. */
export function namedRanges(name: string): Range[] | undefined {
  const ends = Object.hasOwn(NAMED, name) ? NAMED[name]! : undefined;
  return ends?.match(/../gs)?.map((range) => [range.charCodeAt(0), range.charCodeAt(1)]);
}

export class CharacterClass {
  /** Sorted ranges without overlaps: low, high, low, high … */
  readonly #ends: readonly number[];
  readonly #inverted: boolean;

  constructor(ranges: readonly Range[], inverted: boolean) {
    this.#ends = merged(ranges);
    this.#inverted = inverted;
  }

  has(character: string, steps: Steps): boolean {
    const code = character.charCodeAt(0);
    let [from, to] = [0, this.#ends.length / 2];
    while (from < to) {
      steps.count += 1;
      const middle = (from + to) >> 1;
      if (code < this.#ends[2 * middle]!) to = middle;
      else if (code > this.#ends[2 * middle + 1]!) from = middle + 1;
      else return !this.#inverted;
    }
    return this.#inverted;
  }
}

function merged(ranges: readonly Range[]): number[] {
  const ends: number[] = [];
  for (const [low, high] of [...ranges].sort(([a], [b]) => a - b)) {
    if (high < low) continue;
    const last = ends.length - 1;
    if (last >= 0 && low <= ends[last]! + 1) ends[last] = Math.max(ends[last]!, high);
    else ends.push(low, high);
  }
  return ends;
}
