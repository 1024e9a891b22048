/** Recorded small mutations of the solutions: for each problem one that its tests are known to detect. */
import { readFile } from 'node:fs/promises';
import { packageFile } from '../../../base/package-files.js';

/** Replacement of `before` by `after` in the solution, at `line` (from 0) and `column`. */
export interface Mutation {
  line: number;
  column: number;
  before: string;
  after: string;
}

/** Reads the mutations by task id. `scripts/record-mutations.mjs` recorded them. */
export async function readMutations(): Promise<ReadonlyMap<string, Mutation>> {
  return new Map(
    Object.entries(
      JSON.parse(await readFile(packageFile('data/humaneval-mutations.json'), 'utf8')) as Record<string, Mutation>,
    ),
  );
}

/**
 * Applies a mutation.
 * @throws Error if the source is not the one that the mutation was recorded for.
 */
export function applyMutation(source: string, { line, column, before, after }: Mutation): string {
  const lines = source.split('\n');
  const text = lines[line] ?? '';
  if (!text.startsWith(before, column)) throw new Error(`no ${JSON.stringify(before)} at ${line + 1}:${column + 1}`);
  lines[line] = text.slice(0, column) + after + text.slice(column + before.length);
  return lines.join('\n');
}

/** Patterns and their replacements. Each is tried wherever it matches. */
const EXCHANGES: readonly (readonly [RegExp, (found: string) => string])[] = [
  [/ <= | >= | < | > /g, (found) => ({ ' <= ': ' < ', ' >= ': ' > ', ' < ': ' <= ', ' > ': ' >= ' })[found]!],
  [/ == | != /g, (found) => (found === ' == ' ? ' != ' : ' == ')],
  [/ \+ | - /g, (found) => (found === ' + ' ? ' - ' : ' + ')],
  [/ \* | \/\/ /g, (found) => (found === ' * ' ? ' + ' : ' * ')],
  [/ and | or /g, (found) => (found === ' and ' ? ' or ' : ' and ')],
  [/\bTrue\b|\bFalse\b/g, (found) => (found === 'True' ? 'False' : 'True')],
  [/\b\d+\b/g, (found) => String(Number(found) + 1)],
  [/\bif not \b|\bif \b/g, (found) => (found === 'if ' ? 'if not ' : 'if ')],
  [/\bmax\b|\bmin\b/g, (found) => (found === 'max' ? 'min' : 'max')],
  [/\breturn (?=\S)/g, () => 'return None and '],
];

/** Yields all mutations of a source, the subtlest first. Some change nothing that tests could detect. */
export function* mutationsOf(source: string): Generator<Mutation> {
  const lines = source.split('\n');
  for (const [pattern, change] of EXCHANGES) {
    for (const [line, text] of lines.entries()) {
      if (text.trimStart().startsWith('#')) continue;
      for (const { 0: before, index: column } of text.matchAll(pattern)) {
        yield { line, column, before, after: change(before) };
      }
    }
  }
}
