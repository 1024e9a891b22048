/** The HumanEval problems (Chen et al. 2021, MIT licence, data/HumanEval.LICENSE). */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { packageFile } from '../../../base/package-files.js';

export interface Problem {
  /** Name of the problem: `HumanEval/0` to `HumanEval/163`. */
  task_id: string;
  prompt: string;
  entry_point: string;
  canonical_solution: string;
  test: string;
}

/** Returns the first `limit` problems, in their order. */
export async function readProblems(limit = Number.POSITIVE_INFINITY): Promise<Problem[]> {
  const lines = gunzipSync(await readFile(packageFile('data/HumanEval.jsonl.gz')))
    .toString('utf8')
    .split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(0, limit)
    .map((line) => JSON.parse(line) as Problem);
}

/**
 * Returns the program that judges a solution. It prints `proof` only after the last check, so that a solution which ends
 * the program early does not pass.
 */
export function judgingProgram(problem: Problem, proof: string): string {
  const { prompt, canonical_solution, test, entry_point } = problem;
  return `${prompt}${canonical_solution}\n${test}\ncheck(${entry_point})\nprint(${JSON.stringify(proof)})\n`;
}
