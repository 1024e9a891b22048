import { describe, expect, it } from 'vitest';
import { readProblems } from '../../../src/cli/jobs/humaneval/problems.js';
import { lineUpOf, MAX_LINE_UP } from '../../../src/cli/jobs/tournament/line-up.js';
import { applyMutation, mutationsOf, readMutations } from '../../../src/cli/jobs/tournament/mutations.js';
import { IMPOSTORS, SOLUTION } from '../../../src/cli/jobs/tournament/variants.js';

describe('a line-up', () => {
  it('is the same for the same seed, and has the solution once', () => {
    for (let index = 0; index < 50; index++) {
      const lineUp = lineUpOf(index, 4, 99);
      expect(lineUp).toEqual(lineUpOf(index, 4, 99));
      expect(new Set(lineUp.map(({ name }) => name)).size).toBe(4);
      expect(lineUp.filter(({ name }) => name === SOLUTION.name)).toHaveLength(1);
    }
  });

  it('puts the solution at every place, and lets every impostor enter', () => {
    const lineUps = Array.from({ length: 164 }, (_, index) => lineUpOf(index, 4, 1));
    expect(new Set(lineUps.map((all) => all.findIndex(({ name }) => name === SOLUTION.name))).size).toBe(4);
    const entered = new Set(lineUps.flat().map(({ name }) => name));
    expect(entered.size).toBe(MAX_LINE_UP);
  });
});

describe('a mutation', () => {
  it('is recorded for every problem, and changes its solution', async () => {
    const [problems, mutations] = [await readProblems(), await readMutations()];
    expect(mutations.size).toBe(problems.length);
    for (const { task_id, canonical_solution } of problems) {
      expect(applyMutation(canonical_solution, mutations.get(task_id)!)).not.toBe(canonical_solution);
    }
  });

  it('is refused for a text it was not made for', () => {
    const [mutation] = mutationsOf('    return a < b\n');
    expect(applyMutation('    return a < b\n', mutation!)).toBe('    return a <= b\n');
    expect(() => applyMutation('    return a > b\n', mutation!)).toThrow('no " < " at 1:13');
  });

  it('has what it needs in every impostor', async () => {
    const [problem] = await readProblems(1);
    const mutation = (await readMutations()).get(problem!.task_id)!;
    const sources = [SOLUTION, ...IMPOSTORS].map(({ source }) => source(problem!, mutation));
    expect(new Set(sources).size).toBe(sources.length);
    for (const source of sources) expect(source).toContain(`def ${problem!.entry_point}(`);
  });
});
