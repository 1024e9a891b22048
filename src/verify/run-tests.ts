/** Runs tests on untrusted code, so that the verdict does not pass through that code. */

import { throwIfAborted } from '../base/abort.js';
import { parseOptions } from '../base/parse-options.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { runCommandTests } from './command-run.js';
import { runIoCases } from './io-cases.js';
import { runPythonTests } from './python-run.js';
import { type TestOptions, testSchema } from './test-options.js';
import type { TestReport } from './test-report.js';

/**
 * Runs tests in a sandbox that holds the code under test.
 *
 * - `calls`, `pytest`: the tests run as another user, in a process that never imports the code. The code answers calls
 *   from its own process; its answers are data, which the judge compares. Guarantee `isolated`.
 * - `io`: a program is run case by case, and its output is compared on the host. Guarantee `isolated`.
 * - `command`: any runner that reports as TAP or JUnit, in a copy of the workspace. Guarantee `reported`.
 *
 * Code that fails, hangs, exits or cheats is a result. If the code has run in the sandbox before, its leftovers may
 * help it to answer; the iteration executor verifies in a fresh sandbox by default.
 *
 * @throws InvalidOptionsError; TaskAbortedError; RipcordError if the sandbox cannot run the tests
 * @example
 * const report = await runTests(sandbox, {
 *   kind: 'calls', module: 'solution', functions: ['add'],
 *   tests: 'def check(candidate):\
 *     assert candidate(2, 3) == 5\
 * ',
 * })
 * console.log(report.passed, report.reason)
 */
export async function runTests(sandbox: Sandbox, options: TestOptions): Promise<TestReport> {
  const parsed = parseOptions(testSchema, options, 'runTests');
  throwIfAborted(parsed.signal, 'running tests');
  switch (parsed.kind) {
    case 'calls':
    case 'pytest':
      return runPythonTests(sandbox, parsed);
    case 'io':
      return runIoCases(sandbox, parsed);
    case 'command':
      return runCommandTests(sandbox, parsed);
  }
}
