#!/usr/bin/env node
/** Checks the style of every file: biome (TypeScript, JavaScript, JSON, CSS), ruff (Python), and how comments read. Changes nothing. */
import { spawnSync } from 'node:child_process';
import { commentProblems } from './lint/comments.mjs';
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
const problems = [...pythonProblems(), ...commentProblems()];
for (const problem of problems) console.error(problem);
process.exitCode = biome.status === 0 && problems.length === 0 ? 0 : 1;
