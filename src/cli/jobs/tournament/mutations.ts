/** Small recorded mutations of the solutions: for each problem one that its tests are known to tell from the original. */
import { readFile } from 'node:fs/promises';
import { packageFile } from '../../../base/package-files.js';

/** In line `line` of the solution (from 0), at `column`, `before` becomes `after`. */
export interface Mutation {
  line: number;
  column: number;
  before: string;
  after: string;
}

/** By task id. Recorded by `scripts/record-mutations.mjs`. */
export async function readMutations(): Promise<ReadonlyMap<string, Mutation>> {
  return new Map(
    Object.entries(
      JSON.parse(await readFile(packageFile('data/humaneval-mutations.json'), 'utf8')) as Record<string, Mutation>,
    ),
  );
}

/** @throws Error when the text is not the one the mutation was recorded for. */
export function applyMutation(source: string, { line, column, before, after }: Mutation): string {
  const lines = source.split('\n');
  const text = lines[line] ?? '';
  if (!text.startsWith(before, column)) throw new Error(`no ${JSON.stringify(before)} at ${line + 1}:${column + 1}`);
  lines[line] = text.slice(0, column) + after + text.slice(column + before.length);
  return lines.join('\n');
}

/** Pairs of what is exchanged; each is tried where it stands. */
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

/** All mutations of a source, the subtlest first. Some change nothing that tests could see. */
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
