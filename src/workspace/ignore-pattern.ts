/**
 * Matches one pattern of a .gitignore file as gitignore(5) and git's wildmatch do. A sandbox can write both the pattern
 * and the names. A regular expression made from a pattern can take exponential time (`*a*a*a*a*a*b`); this matcher
 * takes at most the product of the two lengths.
 */

import { CharacterClass, namedRanges, type Range, type Steps } from './character-class.js';

/** A literal character, `?`, `*`, or a class in brackets. */
type Token = string | typeof ANY | typeof STAR | CharacterClass;
const ANY = Symbol('?');
const STAR = Symbol('*');
/** Matches any number of directories. */
const DIRECTORIES = Symbol('**');
/** A name without wildcards is stored as text. */
type Segment = string | readonly Token[] | typeof DIRECTORIES;

export interface IgnorePattern {
  negated: boolean;
  directoryOnly: boolean;
  segments: readonly Segment[];
}

/** Maximum length of a pattern. Longer lines match no existing path, or are made to cost time. */
export const MAX_PATTERN_LENGTH = 1024;

/** Parses a line. Returns undefined for comments, empty lines and patterns that cannot match anything. */
export function parsePattern(line: string): IgnorePattern | undefined {
  let text = withoutTrailingSpaces(line.endsWith('\r') ? line.slice(0, -1) : line);
  if (text === '' || text.startsWith('#')) return undefined;
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1);
  const directoryOnly = text.endsWith('/');
  if (directoryOnly) text = text.slice(0, -1);
  const anchored = text.includes('/');
  if (text.startsWith('/')) text = text.slice(1);
  const segments = parseSegments(text);
  if (segments === undefined || segments.length === 0) return undefined;
  if (!anchored) segments.unshift(DIRECTORIES);
  // `a/**` matches everything in a, but not a itself.
  if (segments.at(-1) === DIRECTORIES) segments.push([STAR]);
  return { negated, directoryOnly, segments };
}

/** Returns a pattern that matches only the path `path`. */
export const exactPattern = (path: string): string => `/${path.replace(/[\\*?[\]!# ]/g, '\\$&')}`;

function withoutTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ' ') end -= 1;
  let backslashes = 0;
  while (end - backslashes > 0 && line[end - backslashes - 1] === '\\') backslashes += 1;
  // An escaped trailing space is part of the pattern.
  return line.slice(0, backslashes % 2 === 1 && end < line.length ? end + 1 : end);
}

function parseSegments(text: string): Segment[] | undefined {
  const segments: Segment[] = [];
  let tokens: Token[] = [];
  const end = () => {
    if (tokens.length >= 2 && tokens.every((token) => token === STAR)) {
      if (segments.at(-1) !== DIRECTORIES) segments.push(DIRECTORIES);
    } else if (tokens.every((token) => typeof token === 'string')) segments.push(tokens.join(''));
    else segments.push(tokens.filter((token, at) => token !== STAR || tokens[at - 1] !== STAR));
    tokens = [];
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '/') {
      end();
    } else if (character === '\\') {
      at += 1;
      if (at === text.length) return undefined;
      tokens.push(text[at]!);
    } else if (character === '[') {
      const parsed = parseClass(text, at);
      if (parsed === undefined) return undefined;
      tokens.push(parsed.matches);
      at = parsed.end;
    } else tokens.push(character === '?' ? ANY : character === '*' ? STAR : character);
  }
  if (text !== '') end();
  return segments;
}

/** Parses `[abc]`, `[!a-z]`, `[[:digit:]_]`. Returns undefined if the class does not end or names an unknown class. */
function parseClass(text: string, start: number): { matches: CharacterClass; end: number } | undefined {
  let at = start + 1;
  const inverted = text[at] === '!' || text[at] === '^';
  if (inverted) at += 1;
  const ranges: Range[] = [];
  for (let first = true; at < text.length; first = false, at++) {
    if (text[at] === ']' && !first) return { matches: new CharacterClass(ranges, inverted), end: at };
    const named = text.startsWith('[:', at) ? /^\[:([a-z]+):\]/.exec(text.slice(at, at + 12)) : null;
    if (named) {
      const members = namedRanges(named[1]!);
      if (!members) return undefined;
      ranges.push(...members);
      at += named[0].length - 1;
      continue;
    }
    if (text[at] === '\\') at += 1;
    const low = text[at];
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (text[at + 1] === '-' && text[at + 2] !== ']' && text[at + 2] !== undefined) {
      at += text[at + 2] === '\\' ? 3 : 2;
      high = text[at];
      if (high === undefined) return undefined;
    }
    ranges.push([low.charCodeAt(0), high.charCodeAt(0)]);
  }
  return undefined;
}

/** Returns true if the pattern matches this path. The directories above it are not tested. */
export function patternMatches(
  { segments, directoryOnly }: IgnorePattern,
  names: readonly string[],
  isDirectory: boolean,
  steps: Steps,
): boolean {
  steps.count += 1;
  if (directoryOnly && !isDirectory) return false;
  return matchAll(segments, names, DIRECTORIES, (segment, name) =>
    segmentMatches(segment as Exclude<Segment, typeof DIRECTORIES>, name, steps),
  );
}

function segmentMatches(segment: string | readonly Token[], name: string, steps: Steps): boolean {
  if (typeof segment === 'string') {
    steps.count += 1;
    return segment === name;
  }
  return matchAll(segment, name, STAR, (token, character) => {
    steps.count += 1;
    if (token instanceof CharacterClass) return token.has(character, steps);
    return token === ANY || token === character;
  });
}

/**
 * Matches a list against items, with wildcards that match any number of items. Only the last wildcard is ever retried:
 * an earlier one that matched fewer items leaves the same choices for the rest.
 */
function matchAll<P, I>(
  pattern: ArrayLike<P>,
  items: ArrayLike<I>,
  wildcard: P,
  matches: (part: P, item: I) => boolean,
): boolean {
  let part = 0;
  let retryPart = -1;
  let retryItem = 0;
  for (let item = 0; item < items.length; ) {
    if (part < pattern.length && pattern[part] === wildcard) {
      retryPart = ++part;
      retryItem = item;
    } else if (part < pattern.length && matches(pattern[part]!, items[item]!)) {
      part += 1;
      item += 1;
    } else if (retryPart !== -1) {
      part = retryPart;
      item = ++retryItem;
    } else return false;
  }
  while (part < pattern.length && pattern[part] === wildcard) part += 1;
  return part === pattern.length;
}
