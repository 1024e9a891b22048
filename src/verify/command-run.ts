/**
 * Runs any test runner, in a copy of the workspace that belongs to the judge's user. The code under test shares the
 * runner's process, so the report is checked, not trusted; see `Guarantee`.
 */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { throwIfAborted } from '../base/abort.js';
import { FileError, messageOf, RipcordError } from '../base/errors.js';
import { WorkMeter } from '../base/work-meter.js';
import type { ExecResult } from '../command/outcome.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { JUDGE_ENV, judgeUser } from './judge-user.js';
import { parseJUnit } from './junit.js';
import { describeEnd } from './relay.js';
import { parseTap } from './tap.js';
import type { ResolvedCommandTest } from './test-options.js';
import { makeReport, type TestCase, type TestReport } from './test-report.js';
import { textOf } from './utf8.js';
import { copyWorkspace } from './workspace-copy.js';

const MAX_REPORT = 16 * 1024 * 1024;

export async function runCommandTests(sandbox: Sandbox, options: ResolvedCommandTest): Promise<TestReport> {
  const startedAt = performance.now();
  const user = judgeUser(sandbox);
  const { signal, timeoutMs, env, tests, canaries } = options;
  // A random name, so that the code under test cannot have prepared the path.
  const directory = `/tmp/ripcord-tests-${randomBytes(12).toString('hex')}`;
  const work = posix.join(directory, 'work');
  const report = posix.join(directory, 'report.xml');
  try {
    await sandbox.files.makeDir(directory, { user, mode: 0o700, signal });
    const copy = await copyWorkspace(sandbox, work, user, options);
    for (const [path, source] of Object.entries({ ...tests, ...canaries })) {
      await sandbox.files.remove(posix.join(work, path), { user, signal, recursive: true, force: true });
      await sandbox.files.write(posix.join(work, path), source, { user, signal });
    }
    const argv = options.command.map((part) => part.replaceAll('{report}', report));
    const result = await sandbox.exec(argv, {
      user,
      // CI: a comparison with a missing snapshot must fail, not write the snapshot.
      env: { ...JUDGE_ENV, CI: 'true', ...env },
      cwd: posix.resolve(work, options.cwd ?? '.'),
      timeoutMs,
      signal,
      maxOutputBytes: MAX_REPORT,
    });
    // The command's whole process tree is dead, so no process rewrites the report any more. A helper that ended by
    // itself after the runner could have; so could the runner's own process, which runs the same code. Therefore the
    // guarantee is only `reported`.
    const found = await readReport(sandbox, options, result, report, user);
    return makeReport({
      ...judge(found, result, options, work),
      guarantee: 'reported',
      ...copy,
      skipped: options.skipped,
      ended: result,
      output: (options.report === 'tap' ? result.stderr : result.stdout + result.stderr).slice(-8192),
      startedAt,
    });
  } finally {
    await sandbox.files.remove(directory, { user, recursive: true, force: true }).catch(() => {});
  }
}

interface Found {
  tests: TestCase[];
  problem: string | undefined;
}

async function readReport(
  sandbox: Sandbox,
  options: ResolvedCommandTest,
  result: ExecResult,
  path: string,
  user: string,
): Promise<Found> {
  const { signal } = options;
  const meter = new WorkMeter();
  try {
    if (options.report === 'tap') {
      if (result.truncated) return { tests: [], problem: 'the report is longer than allowed' };
      return await parseTap(result.stdout, meter, signal);
    }
    const xml = await sandbox.files.read(path, { user, maxBytes: MAX_REPORT, signal });
    return { tests: await parseJUnit(await textOf(xml, meter, signal), meter, signal), problem: undefined };
  } catch (error) {
    if (error instanceof FileError && error.code === 'file-not-found') {
      return { tests: [], problem: `the runner did not write a report (${describeEnd(result)})` };
    }
    throwIfAborted(signal, 'reading the report of the tests');
    if (error instanceof RipcordError) throw error;
    return { tests: [], problem: `the report cannot be read: ${messageOf(error)}` };
  }
}

function judge(
  found: Found,
  result: ExecResult,
  options: ResolvedCommandTest,
  work: string,
): { tests: TestCase[]; problem?: string | undefined } {
  const { expect } = options;
  const canaryNames = Object.keys(options.canaries);
  const canaries: TestCase[] = [];
  const tests: TestCase[] = [];
  const files = new Set([...Object.keys(options.tests), ...canaryNames]);
  for (const test of found.tests) {
    const ofCanary = canaryNames.length > 0 && test.name.includes('canary');
    // node --test reports a file without tests as a passed test.
    const isFile =
      test.status === 'passed' && files.has(posix.relative(work, posix.resolve(work, options.cwd ?? '.', test.name)));
    const ran = isFile ? { ...test, status: 'skipped' as const, message: 'no test of this file ran' } : test;
    (ofCanary ? canaries : tests).push(ran);
  }
  if (Array.isArray(expect)) {
    const reported = new Set(tests.map(({ name }) => name));
    for (const name of expect) {
      if (!reported.has(name)) tests.push({ name, status: 'missing', message: 'it was not reported', durationMs: 0 });
    }
  }
  return { tests, problem: problemOf() };

  function problemOf(): string | undefined {
    if (result.outcome !== 'exited') return `the runner ended: ${describeEnd(result)}`;
    if (result.backgroundKilled > 0) return `the tests left ${result.backgroundKilled} processes running`;
    if (found.problem) return found.problem;
    if (typeof expect === 'number' && tests.length < expect) {
      return `${tests.length} tests were reported, ${expect} expected`;
    }
    const good = tests.every(({ status }) => status === 'passed' || status === 'skipped');
    if (canaryNames.length > 0) {
      if (canaries.length < canaryNames.length) return 'a test that must fail was not reported';
      if (canaries.some(({ status }) => status !== 'failed' && status !== 'error')) {
        return 'a test that must fail was reported as passed: the report is forged';
      }
      if (result.exitCode === 0) return 'the runner succeeded although a test that must fail did: it is manipulated';
    } else if (good && result.exitCode !== 0) return `the runner ended with exit code ${result.exitCode}`;
    return undefined;
  }
}
