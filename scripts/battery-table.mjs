#!/usr/bin/env node
// Writes docs/internals/battery.md from the report of a run of the hostile battery.
//
//   RIPCORD_TEST_REPORT=report.json npm run test:hostile
//   node scripts/battery-table.mjs report.json
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inProject } from './setup/paths.mjs';
import { printError, SetupError } from './setup/setup-error.mjs';
import { batteryTable } from './setup/test-report.mjs';

try {
  const [file] = parseArgs({ allowPositionals: true }).positionals;
  if (!file) throw new SetupError('Which report? RIPCORD_TEST_REPORT=report.json npm run test:hostile makes one.');
  writeFileSync(inProject('docs', 'internals', 'battery.md'), batteryTable(readFileSync(file, 'utf8')));
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
