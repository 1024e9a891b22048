/**
 * Passes lines between the judge and the code under test. They are two commands of two users with no other connection:
 * a line from one is data for the other, and the verdict arrives on the judge's own pipe.
 */
import type { Writable } from 'node:stream';
import { TaskAbortedError } from '../base/errors.js';
import type { CommandHandle } from '../command/command-handle.js';
import type { CommandResult } from '../command/outcome.js';
import { LineTooLongError, linesOf, Tail } from './lines.js';

const MAX_LINE = 8 * 1024 * 1024 + 16;
const MAX_TAIL = 8 * 1024;
const TO_CANDIDATE = 0x3e; // >
const TEST = 0x2e; // .
const VERDICT = 0x21; // !
const MAX_TESTS = 100_000;
const MAX_TEST_BYTES = 64 * 1024 * 1024;

export interface Relayed {
  /** The judge's verdict line; `undefined` if it ended without one. */
  verdict: string | undefined;
  /** One line of JSON for each test that the judge ran. */
  tests: Buffer[];
  /** Result of the code under test, if it ended before the verdict. */
  candidate: CommandResult | undefined;
  /** Result of the judge, if it sent no verdict. */
  judge: CommandResult | undefined;
  /** Last part of the stderr of the code under test; `judgeOutput` has the judge's. */
  output: string;
  judgeOutput: string;
}

/** Resolves when the verdict has arrived, or cannot arrive any more. Both commands are dead by then. */
export async function relay(judge: CommandHandle, candidate: CommandHandle): Promise<Relayed> {
  const output = new Tail(candidate.stderr, MAX_TAIL);
  const judgeOutput = new Tail(judge.stderr, MAX_TAIL);
  let verdict: string | undefined;
  const tests: Buffer[] = [];
  let testBytes = 0;
  let candidateEnd: CommandResult | undefined;
  let judgeEnd: CommandResult | undefined;
  let aborted: TaskAbortedError | undefined;
  const caught = (error: unknown) => {
    if (error instanceof TaskAbortedError) aborted = error;
  };

  const fromCandidate = async () => {
    let why = '';
    try {
      for await (const line of linesOf(candidate.stdout, MAX_LINE)) await write(judge.stdin!, '<', line);
    } catch (error) {
      why = error instanceof LineTooLongError ? 'it sent more data than allowed' : '';
      await candidate.kill();
    }
    const end = await candidate.wait().catch(caught);
    if (verdict !== undefined) return;
    candidateEnd = end ?? undefined;
    await write(judge.stdin!, 'x', Buffer.from(why || describeEnd(end ?? undefined)));
  };
  const fromJudge = async () => {
    for await (const line of linesOf(judge.stdout, MAX_LINE)) {
      if (line[0] === TO_CANDIDATE) await write(candidate.stdin!, '', line.subarray(1));
      else if (line[0] === TEST) {
        testBytes += line.length;
        if (tests.push(line.subarray(1)) > MAX_TESTS || testBytes > MAX_TEST_BYTES) throw new LineTooLongError();
      } else if (line[0] === VERDICT) {
        verdict = line.subarray(1).toString('utf8');
        return;
      }
    }
  };

  const pumping = fromCandidate().catch(() => {});
  try {
    await fromJudge();
  } catch {
    // A judge that sends too much does not get a verdict.
  } finally {
    await Promise.all([candidate.kill(), judge.kill()]);
    judgeEnd = (await judge.wait().catch(caught)) ?? undefined;
    await Promise.all([pumping, output.done, judgeOutput.done]);
  }
  if (aborted) throw aborted;
  return {
    verdict,
    tests,
    candidate: candidateEnd,
    judge: verdict === undefined ? judgeEnd : undefined,
    output: output.text(),
    judgeOutput: judgeOutput.text(),
  };
}

/** Describes the end of a command, for the reason of a report. */
export function describeEnd(end: CommandResult | undefined): string {
  if (!end) return 'it was ended';
  const { outcome, exitCode, signal, failure } = end;
  if (outcome === 'exited') return `exit code ${exitCode}`;
  if (outcome === 'signaled') return `killed by ${signal}`;
  if (outcome === 'timeout') return 'out of time';
  if (outcome === 'oom') return 'out of memory';
  return failure?.message ?? outcome;
}

/** Writes a line and waits for room, so that no data accumulates. */
async function write(to: Writable, prefix: string, line: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded) return;
  const bytes = Buffer.concat([Buffer.from(prefix), line, Buffer.from('\n')]);
  if (to.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      to.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    to.on('drain', done).on('close', done).on('error', done);
  });
}
