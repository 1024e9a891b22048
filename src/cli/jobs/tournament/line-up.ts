/** Draws the competitors of a problem and their order at random. The same seed draws the same line-up. */
import { createHash } from 'node:crypto';
import type { NamedStrategy } from '../../../executor/types.js';
import { IMPOSTORS, SOLUTION } from './variants.js';

/** Maximum number of strategies for a problem. */
export const MAX_LINE_UP = IMPOSTORS.length + 1;

/**
 * Returns the solution at a random place among impostors. Over all problems every impostor enters about equally often.
 * @param index Index of the problem.
 * @param size Number of strategies, from 1 to {@link MAX_LINE_UP}.
 */
export function lineUpOf(index: number, size: number, seed: number): NamedStrategy[] {
  const impostors = size - 1;
  const entered = Array.from({ length: impostors }, (_, i) => IMPOSTORS[(index * impostors + i) % IMPOSTORS.length]!);
  const lot = (name: string) => createHash('sha256').update(`${seed} ${index} ${name}`).digest('hex');
  return [SOLUTION, ...entered]
    .map(({ name }) => ({ name, lot: lot(name) }))
    .sort((a, b) => (a.lot < b.lot ? -1 : 1))
    .map(({ name }) => ({ name }));
}
