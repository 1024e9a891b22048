/** What a test run comes to. */
import type { CommandResult } from '../command/outcome.js';

export interface TestCase {
  name: string;
  /** `error`: the test did not get to judge. `missing`: expected and not reported. */
  status: 'passed' | 'failed' | 'error' | 'skipped' | 'missing';
  message: string;
  durationMs: number;
}

/**
 * How far the verdict can be believed. `isolated`: nothing the code under test does in its own process decides about it;
 * only what it returns, or prints, does. `reported`: the code ran in the same process as the tests, and a report that
 * process made was checked for signs of forgery. That stops what was not written against this very check.
 */
export type Guarantee = 'isolated' | 'reported';

/** Fits as a verification of the iteration executor as it is. */
export interface TestReport {
  passed: boolean;
  /** The share of tests that passed. */
  score: number;
  /** In one line, why not. */
  reason: string;
  tests: TestCase[];
  guarantee: Guarantee;
  /** Python modules that the tests took from the code under test; what else they import, it does not decide. */
  modules: string[];
  /** Files of the workspace that the runner of a `reported` run reads, and that had to stay: look at what they say. */
  trusted: string[];
  /** Files of the workspace that the run did not have, because the runner would have obeyed them. */
  leftOut: string[];
  /** How the code under test ended; `undefined` where it was ended because the verdict was there. */
  ended: CommandResult | undefined;
  /** The end of what the code under test printed to stderr (and of stdout, where that is not the report). */
  output: string;
  durationMs: number;
}

interface Finding {
  tests: TestCase[];
  guarantee: Guarantee;
  modules?: string[] | undefined;
  trusted?: string[] | undefined;
  leftOut?: string[] | undefined;
  /** Effect of a skipped test: with `fail`, it counts as one that did not pass. Default `ignore`. */
  skipped?: 'ignore' | 'fail' | undefined;
  ended?: CommandResult | undefined;
  output: string;
  startedAt: number;
  /** Anything that forbids a pass whatever the tests say. */
  problem?: string | undefined;
}

/** A pass needs at least one test that passed, none that did not, and nothing else that is wrong. */
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

// Cut before the replacement as well: its time grows with the square of a run of spaces.
const oneLine = (text: string): string =>
  text
    .trim()
    .slice(0, 4000)
    .replace(/\s*\n\s*/g, ' ')
    .slice(0, 1000);
