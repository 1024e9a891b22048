import { expect, it } from 'vitest';
import { CpuTurn } from '../../../src/launch/cpu-turn.js';

it('gives each CPU its turn', () => {
  const turn = new CpuTurn(4);
  const taken = Array.from({ length: 6 }, () => turn.next(2)).flatMap((set) => set.split(','));
  expect(taken).toHaveLength(12);
  for (const cpu of ['0', '1', '2', '3']) expect(taken.filter((one) => one === cpu)).toHaveLength(3);
});

it('gives all there are where more are wanted', () => {
  expect(new CpuTurn(2).next(16)).toBe('0,1');
  expect(new CpuTurn(1).next(1)).toBe('0');
});
