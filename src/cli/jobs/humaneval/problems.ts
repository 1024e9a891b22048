/** The HumanEval problems (Chen et al. 2021, MIT licence, data/HumanEval.LICENSE). */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { packageFile } from '../../../base/package-files.js';

export interface Problem {
  /** `HumanEval/0` … `HumanEval/163` */
  task_id: string;
  prompt: string;
  entry_point: string;
  canonical_solution: string;
  test: string;
}

/** The first `limit` problems, in their order. */
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
 * The program that judges a solution: it prints `proof` after the last check and not otherwise, so that a solution
 * which ends the program early does not pass.
 */
export function judgingProgram(problem: Problem, proof: string): string {
  const { prompt, canonical_solution, test, entry_point } = problem;
  return `${prompt}${canonical_solution}\n${test}\ncheck(${entry_point})\nprint(${JSON.stringify(proof)})\n`;
}
