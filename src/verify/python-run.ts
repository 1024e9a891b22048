/**
 * Isolated runs of Python tests: the judge holds the tests, and the code under test answers calls from another process.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { throwIfAborted } from '../base/abort.js';
import { InvalidOptionsError, messageOf } from '../base/errors.js';
import { WorkMeter } from '../base/work-meter.js';
import type { CommandHandle } from '../command/command-handle.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { findProgram, JUDGE_ENV, judgeUser } from './judge-user.js';
import { pythonPrograms } from './python-programs.js';
import { PYTHON_TEST_LIBRARIES } from './python-test-libraries.js';
import { describeEnd, type Relayed, relay } from './relay.js';
import type { ResolvedCallsTest, ResolvedPytest } from './test-options.js';
import { makeReport, type TestCase, type TestReport } from './test-report.js';

/** Additional time for the judge, so that it can report a timeout instead of being killed. */
const JUDGE_EXTRA_MS = 5000;

const verdictSchema = z.object({
  nonce: z.string(),
  broken: z.string().nullable(),
  touched: z.boolean().optional(),
  /** Modules that the tests import from the code under test. */
  modules: z.array(z.string()),
  /** Functions of the tests that are never called. Set if no test was found. */
  idle: z.array(z.string()).default([]),
  exitCode: z.number().optional(),
});
const caseSchema = z.object({
  name: z.string(),
  status: z.enum(['passed', 'failed', 'error', 'skipped']),
  message: z.string(),
  durationMs: z.number(),
});

export async function runPythonTests(
  sandbox: Sandbox,
  options: ResolvedCallsTest | ResolvedPytest,
): Promise<TestReport> {
  const startedAt = performance.now();
  const { timeoutMs, cwd, env, signal } = options;
  const user = judgeUser(sandbox);
  const programs = pythonPrograms();
  const nonce = randomBytes(16).toString('hex');
  const job = jobOf(options, nonce);
  const python = options.python ?? (await findProgram(sandbox, 'python3', signal));
  throwIfAborted(signal, 'running tests');
  const [judge, candidate] = await both(
    // -I: neither the environment, the working directory nor a home directory decides what the judge imports.
    sandbox.spawn([python, '-I', '-B', '-c', programs.boot, String(programs.judge.length)], {
      user,
      env: JUDGE_ENV,
      cwd: '/',
      timeoutMs: timeoutMs + JUDGE_EXTRA_MS,
      signal,
    }),
    sandbox.spawn([python, '-B', '-c', programs.boot, String(programs.candidate.length)], {
      cwd,
      env,
      timeoutMs,
      signal,
    }),
  );
  judge.stdin!.write(Buffer.concat([programs.judge, Buffer.from(`${JSON.stringify(job)}\n`)]));
  candidate.stdin!.write(programs.candidate);
  const relayed = await relay(judge, candidate);
  const { output, candidate: ended } = relayed;
  const { skipped } = options;
  const found = await judged(relayed, nonce, options.kind);
  return makeReport({ ...found, guarantee: 'isolated', ended, output, startedAt, skipped });
}

/** Resolves to two commands. If one fails to start, the other is killed. */
async function both(
  first: Promise<CommandHandle>,
  second: Promise<CommandHandle>,
): Promise<[CommandHandle, CommandHandle]> {
  const [one, two] = await Promise.allSettled([first, second]);
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value];
  for (const started of [one, two]) if (started.status === 'fulfilled') await started.value.kill();
  throw one.status === 'rejected' ? one.reason : (two as PromiseRejectedResult).reason;
}

function jobOf(options: ResolvedCallsTest | ResolvedPytest, nonce: string): object {
  if (options.kind === 'calls') {
    const { module, functions, setup, tests } = options;
    return { kind: 'calls', nonce, module, functions, setup, tests };
  }
  const reserved = options.args.find((arg) => /^(--junit|--rootdir|-c$|--config|--override-ini|-o$)/.test(arg));
  if (reserved) throw new InvalidOptionsError(`runTests: the pytest argument ${reserved} is set by runTests itself`);
  const { tests, modules, args } = options;
  return { kind: 'pytest', nonce, tests, modules, args, libraries: PYTHON_TEST_LIBRARIES };
}

interface Judged {
  tests: TestCase[];
  modules?: string[];
  problem?: string;
}

async function judged(relayed: Relayed, nonce: string, kind: 'calls' | 'pytest'): Promise<Judged> {
  const { verdict: line, judge, judgeOutput, candidate } = relayed;
  if (line === undefined) {
    return {
      tests: [],
      problem: `the judge did not send a verdict (${describeEnd(judge)})${judgeOutput && `: ${lastLine(judgeOutput)}`}`,
    };
  }
  let verdict: z.infer<typeof verdictSchema>;
  const tests: TestCase[] = [];
  try {
    verdict = verdictSchema.parse(JSON.parse(line));
    const meter = new WorkMeter();
    for (const test of relayed.tests) {
      if (meter.spend(test.length + 512)) await meter.rest();
      tests.push(caseSchema.parse(JSON.parse(test.toString('utf8'))));
    }
  } catch (error) {
    return { tests: [], problem: `the verdict cannot be read: ${messageOf(error)}` };
  }
  const given = Buffer.from(verdict.nonce);
  if (given.length !== nonce.length || !timingSafeEqual(given, Buffer.from(nonce))) {
    return { tests: [], problem: 'the verdict is not from the judge' };
  }
  const { modules } = verdict;
  if (verdict.broken !== null) return { tests, modules, problem: verdict.broken };
  if (candidate)
    return { tests, modules, problem: `the code under test ended before the verdict: ${describeEnd(candidate)}` };
  const good = tests.every(({ status }) => status === 'passed' || status === 'skipped');
  // pytest's exit codes: 0 all passed, 1 some failed; all others mean that it could not run the tests.
  if (kind === 'pytest' && verdict.exitCode !== 0 && verdict.exitCode !== 1) {
    const problem = tests.find(({ status }) => status === 'error')?.message;
    return { tests, modules, problem: problem ?? `pytest ended with exit code ${verdict.exitCode}` };
  }
  if (kind === 'pytest' && verdict.exitCode === 1 && good) {
    return { tests, modules, problem: 'pytest counts a failure its report does not have' };
  }
  if (!verdict.touched && good && tests.some(({ status }) => status === 'passed')) {
    const idle = verdict.idle.length > 0 ? `: nothing calls ${verdict.idle.join(', ')}` : '';
    return { tests, modules, problem: `the tests never touched the code under test${idle}` };
  }
  return { tests, modules };
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)?.slice(0, 500) ?? '';
