/** Judges programs by their output. The comparison runs on the host, and the expected output never leaves it. */

import { throwIfAborted } from '../base/abort.js';
import { shellLine } from '../command/lines.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { MAX_MATCH_MS, PatternMatch } from './pattern-match.js';
import { describeEnd } from './relay.js';
import type { ResolvedIoTest } from './test-options.js';
import { makeReport, type TestCase, type TestReport } from './test-report.js';

type Expectation = string | RegExp | ((text: string) => boolean) | undefined;

export async function runIoCases(sandbox: Sandbox, options: ResolvedIoTest): Promise<TestReport> {
  const startedAt = performance.now();
  const { command, cases, compare, cwd, env, signal, timeoutMs, caseTimeoutMs } = options;
  const base = typeof command === 'string' ? [...shellLine(`${command} "$@"`), 'sh'] : command;
  const deadline = startedAt + timeoutMs;
  await using patterns = new PatternMatch();
  const tests: TestCase[] = [];
  let ended: TestReport['ended'];
  let output = '';
  for (const [index, { name, args, stdin, stdout, stderr, exitCode }] of cases.entries()) {
    throwIfAborted(signal, 'running a test case');
    const test = { name: name ?? `case ${index + 1}`, message: '', durationMs: 0 };
    const left = Math.ceil(deadline - performance.now());
    if (left <= 0) {
      tests.push({ ...test, status: 'error', message: 'out of time' });
      continue;
    }
    const run = { stdin, cwd, env, signal, timeoutMs: Math.min(left, caseTimeoutMs ?? left) };
    const result = await sandbox.exec([...base, ...args], run);
    ended = result;
    output = result.stderr.slice(-8192);
    const problem =
      result.outcome !== 'exited'
        ? describeEnd(result)
        : result.exitCode !== exitCode
          ? `exit code ${result.exitCode}, expected ${exitCode}`
          : result.truncated
            ? 'more output than is kept'
            : ((await differs('stdout', result.stdout, stdout)) ?? (await differs('stderr', result.stderr, stderr)));
    const status = problem === undefined ? 'passed' : result.outcome === 'exited' ? 'failed' : 'error';
    tests.push({ ...test, status, message: problem ?? '', durationMs: result.durationMs });
  }
  return makeReport({ tests, guarantee: 'isolated', ended, output, startedAt });

  async function differs(channel: string, got: string, expected: Expectation): Promise<string | undefined> {
    if (expected === undefined) return undefined;
    const clean = compare === 'exact' ? (text: string) => text : trimmed;
    const same =
      typeof expected === 'string'
        ? clean(got) === clean(expected)
        : expected instanceof RegExp
          ? await patterns.test(expected, got, MAX_MATCH_MS, signal)
          : expected(got) === true;
    if (same) return undefined;
    if (same === undefined) return `${channel}: ${expected} did not finish within ${MAX_MATCH_MS / 1000} s`;
    const wanted = typeof expected === 'string' ? `, expected ${JSON.stringify(clean(expected).slice(0, 200))}` : '';
    return `${channel} is ${JSON.stringify(clean(got).slice(0, 200))}${wanted}`;
  }
}

/**
 * Equals `text.replace(/[ \t\r]+$/gm, '').trimEnd()`, in linear time. That pattern tries every end of a run of spaces
 * that other text follows, and the code under test chooses how long its runs are.
 */
export const trimmed = (text: string): string =>
  text
    .replace(/[ \t\r]+/g, (run, at: number) => {
      const next = text[at + run.length];
      if (next === undefined || /[\n\u2028\u2029]/.test(next)) return '';
      // \r ends a line too, so the characters before the last \r are at a line's end.
      return run.slice(Math.max(0, run.lastIndexOf('\r')));
    })
    .trimEnd();
