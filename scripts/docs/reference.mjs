#!/usr/bin/env node
// Writes docs/reference from the sources and the compiled library: npm run docs:reference
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inProject } from '../setup/paths.mjs';
import { referencePages } from './pages.mjs';

const built = (path) => import(inProject('dist', path));
const [codes, { statusOf }, { OUTCOME_MEANINGS }, { createProgram }] = await Promise.all([
  built('base/error-codes.js'),
  built('http/error-status.js'),
  built('command/outcome.js'),
  built('cli/program.js'),
]);
const program = await createProgram({});
const directory = inProject('docs', 'reference');
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const pages = referencePages(inProject('src'), { codes, statusOf, outcomes: OUTCOME_MEANINGS, program });
for (const [name, text] of Object.entries(pages)) writeFileSync(join(directory, name), text);
