/**
 * `npm test`: makes everything ready, checks style and types, runs the tests, then looks for warnings of Node's and
 * for anything they left on the machine. The last line is always `N passed, N failed, N skipped`. Arguments go to vitest: `npm test -- test/unit`.
 * `--lane NAME` is one of the heavier lanes instead (`npm run test:images`): its own set-up, its own tests, and no style or types.
 * RIPCORD_TEST_REPORT=file keeps vitest's JSON report.
 */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beginAudit } from './setup/audit.mjs';
import { inProject, ROOT, systemPath } from './setup/paths.mjs';
import { createProgress } from './setup/progress.mjs';
import { run } from './setup/run.mjs';
import { printError } from './setup/setup-error.mjs';
import { countTests, summaryOf } from './setup/test-report.mjs';
import { redirectingWarnings, unexpectedWarnings } from './setup/warnings.mjs';
import { setup } from './setup.mjs';

const progress = createProgress();

/** The projects of vitest that `npm test` runs when its arguments do not name one; each other project is a lane. */
const PROJECTS = ['unit', 'protocol', 'docker', 'server', 'hostile', 'chaos'];
const LANES = /** @type {const} */ (['images']);

/** @returns {{ lane: (typeof LANES)[number] | undefined, args: string[] }} */
function commandLine() {
  const args = process.argv.slice(2);
  const [first, name, ...rest] = args;
  if (first !== '--lane') {
    const named = args.some((argument) => argument.startsWith('--project'));
    return {
      lane: undefined,
      args: named ? args : [...PROJECTS.flatMap((project) => ['--project', project]), ...args],
    };
  }
  const lane = LANES.find((known) => known === name);
  if (!lane) throw new Error(`There is no lane ${name}; there are: ${LANES.join(', ')}`);
  return { lane, args: ['--project', lane, ...rest] };
}

/** Runs a check outside the tests: it prints why it failed, and the run goes on.
 * @param {string} title
 * @param {string[]} command
 */
async function check(title, [script, ...args]) {
  try {
    await progress.run(title, () => run(process.execPath, [inProject(script), ...args], { cwd: ROOT }));
    return true;
  } catch (error) {
    printError(error);
    return false;
  }
}

/**
 * @param {string[]} args
 * @param {string} report where vitest writes its JSON
 * @param {string} temp the tests' temp directory
 * @param {string} warnings where Node appends its warnings, of all the processes
 * @returns {Promise<number>} its exit code
 */
function vitest(args, report, temp, warnings) {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const child = spawn(
    process.execPath,
    [inProject('node_modules', 'vitest', 'vitest.mjs'), 'run', ...reporters, ...args],
    {
      cwd: ROOT,
      // Some of them mount, and root's shell may not know where the programs for that are. The history of commits, which
      // outlives a process otherwise, goes when the run ends.
      env: {
        ...process.env,
        PATH: systemPath(),
        TMPDIR: temp,
        XDG_STATE_HOME: path.join(temp, 'state'),
        NODE_OPTIONS: redirectingWarnings(process.env.NODE_OPTIONS, warnings),
      },
      stdio: 'inherit',
    },
  );
  // Ctrl+C reaches vitest by itself; this process stays to look for leftovers.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** @param {string[]} args */
async function runTests(args) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-tests-'));
  const temp = path.join(directory, 't');
  mkdirSync(temp);
  // Commands in sandboxes run as another user, and a bind-mounted workspace lies below.
  for (const made of [directory, temp]) chmodSync(made, 0o755);
  try {
    const audit = await beginAudit(temp);
    for (const cleared of audit.cleared) progress.warn(`Left by an earlier run, removed: ${cleared}`);
    const report = path.join(directory, 'report.json');
    const warnings = path.join(directory, 'warnings');
    // Some processes of the tests run as another user.
    writeFileSync(warnings, '');
    chmodSync(warnings, 0o666);
    const code = await vitest(args, report, temp, warnings);
    if (process.env.RIPCORD_TEST_REPORT) copyFileSync(report, process.env.RIPCORD_TEST_REPORT);
    const leftovers = await progress.run('looking for leftovers', () => audit.finish());
    return {
      code,
      counts: countTests(readFileSync(report, 'utf8')),
      leftovers,
      warnings: unexpectedWarnings(readFileSync(warnings, 'utf8')),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @type {import('./setup/test-report.mjs').Counts} */
let counts = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const wrong = [];
try {
  const { lane, args } = commandLine();
  await setup({ goal: lane ?? 'test', progress });
  if (!lane) {
    const [styled, typed] = await Promise.all([
      check('style', ['scripts/lint.mjs']),
      check('types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']),
    ]);
    if (!styled) wrong.push('style');
    if (!typed) wrong.push('types');
  }

  const { code, counts: counted, leftovers, warnings } = await runTests(args);
  counts = counted;
  if (code !== 0) wrong.push('tests');
  for (const leftover of leftovers) progress.warn(`Left behind by the tests: ${leftover}`);
  if (leftovers.length > 0) wrong.push('leftovers');
  for (const warning of warnings) progress.warn(`Node warned: ${warning}`);
  if (warnings.length > 0) wrong.push('warnings');
} catch (error) {
  printError(error);
  wrong.push('an error outside the tests');
  counts.failed += 1;
}
if (wrong.length > 0) {
  console.log(`Failed: ${wrong.join(', ')}`);
  process.exitCode ||= 1;
}
const summary = summaryOf(counts);
if (process.env.RIPCORD_TEST_SUMMARY) writeFileSync(process.env.RIPCORD_TEST_SUMMARY, `${summary}\n`);
console.log(summary);
