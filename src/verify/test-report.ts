/** The result of a test run. */
import type { CommandResult } from '../command/outcome.js';

export interface TestCase {
  name: string;
  /** Status of the test. `error`: it did not run to its end. `missing`: it was expected and not reported. */
  status: 'passed' | 'failed' | 'error' | 'skipped' | 'missing';
  message: string;
  durationMs: number;
}

/**
 * Trustworthiness of the verdict. `isolated`: the code under test influences it only by its return values or its
 * output. `reported`: the code ran in the same process as the tests, and that process's report was checked for signs of
 * forgery. The check stops only code that was not written against it.
 */
export type Guarantee = 'isolated' | 'reported';

/** The report of a test run. It can be returned as a verification of the iteration executor. */
export interface TestReport {
  passed: boolean;
  /** Share of tests that passed, from 0 to 1. */
  score: number;
  /** One line: the reason of the failure, or the number of passed tests. */
  reason: string;
  tests: TestCase[];
  guarantee: Guarantee;
  /** Python modules that the tests imported from the code under test. Other imports come from elsewhere. */
  modules: string[];
  /** Files of the workspace that the runner of a `reported` run reads and that had to stay. Review their contents. */
  trusted: string[];
  /** Files of the workspace that were left out because the runner would have obeyed them. */
  leftOut: string[];
  /** Result of the code under test; `undefined` if it was killed after the verdict. */
  ended: CommandResult | undefined;
  /** Last part of the stderr of the code under test (and of its stdout, unless that is the report). */
  output: string;
  durationMs: number;
}

interface Finding {
  tests: TestCase[];
  guarantee: Guarantee;
  modules?: string[] | undefined;
  trusted?: string[] | undefined;
  leftOut?: string[] | undefined;
  /** Effect of a skipped test. With `fail` it counts as failed. Default `ignore`. */
  skipped?: 'ignore' | 'fail' | undefined;
  ended?: CommandResult | undefined;
  output: string;
  startedAt: number;
  /** A problem that prevents a pass, whatever the tests report. */
  problem?: string | undefined;
}

/** Builds the report. A pass requires at least one passed test, no failed one and no problem. */
export function makeReport(finding: Finding): TestReport {
  const {
    tests,
    guarantee,
    modules = [],
    trusted = [],
    leftOut = [],
    skipped = 'ignore',
    ended,
    output,
    startedAt,
    problem,
  } = finding;
  const counted = skipped === 'fail' ? tests : tests.filter(({ status }) => status !== 'skipped');
  const passes = counted.filter(({ status }) => status === 'passed').length;
  const bad = counted.find(({ status }) => status !== 'passed');
  const passed = problem === undefined && bad === undefined && passes > 0;
  return {
    passed,
    score: counted.length === 0 || problem !== undefined ? 0 : passes / counted.length,
    reason: passed
      ? `${passes} of ${counted.length} tests passed`
      : oneLine(problem ?? (bad ? `${bad.name} ${bad.status}: ${bad.message}` : 'no test ran')),
    tests,
    guarantee,
    modules,
    trusted,
    leftOut,
    ended,
    output,
    durationMs: performance.now() - startedAt,
  };
}

// Cut before the replacement as well, because its time is quadratic in the length of a run of spaces.
const oneLine = (text: string): string =>
  text
    .trim()
    .slice(0, 4000)
    .replace(/\s*\n\s*/g, ' ')
    .slice(0, 1000);
