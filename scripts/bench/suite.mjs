/** The 164 HumanEval problems with their solutions and tests, as programs that any of the ways can run. */
import { importCompiled } from '../setup/paths.mjs';
import { inParallel, timed } from './measure.mjs';

const PROOF = 'every check passed';

/** @returns {Promise<{ id: string, source: string, argv: string[] }[]>} */
export async function readPrograms(limit) {
  const { judgingProgram, readProblems } = await importCompiled('cli/jobs/humaneval/problems.js');
  return (await readProblems(limit)).map((problem) => {
    const source = judgingProgram(problem, PROOF);
    return { id: problem.task_id, source, argv: ['python3', '-c', source] };
  });
}

/**
 * Runs all programs, so many at once.
 * @param {(program: { source: string, argv: string[] }) => Promise<string>} once runs one and returns what it printed
 * @returns {Promise<number>} milliseconds
 * @throws when one of them did not pass
 */
export function runSuite(programs, concurrency, once) {
  return timed(() =>
    inParallel(programs, concurrency, async (program) => {
      const output = await once(program);
      if (!output.trimEnd().endsWith(PROOF)) throw new Error(`${program.id} did not pass: ${output.slice(-200)}`);
    }),
  );
}

/** The concurrency of the shortest time; `times` has one for each of `concurrencies`. */
export const bestOf = (concurrencies, times) => concurrencies[times.indexOf(Math.min(...times))];
