#!/usr/bin/env node
/** Checks the style of every file: biome (TypeScript, JavaScript, JSON, CSS) and ruff (Python). Changes nothing. */
import { spawnSync } from 'node:child_process';
import { pythonProblems } from './lint/python.mjs';
import { inProject } from './setup/paths.mjs';

process.chdir(inProject('.'));
const biome = spawnSync(
  process.execPath,
  ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  {
    stdio: 'inherit',
  },
);
const problems = pythonProblems();
for (const problem of problems) console.error(problem);
process.exitCode = biome.status === 0 && problems.length === 0 ? 0 : 1;
