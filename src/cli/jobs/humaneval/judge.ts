/** Judges one problem in a fresh sandbox. */
import { randomUUID } from 'node:crypto';
import { messageOf, RipcordError } from '../../../base/errors.js';
import type { ExecResult } from '../../../command/outcome.js';
import type { SandboxManager } from '../../../sandbox/sandbox-manager.js';
import { judgingProgram, type Problem } from './problems.js';

export interface Verdict {
  task: string;
  /** `passed`, `failed` (a check, or the program, raised), else how the command ended or `not-run`. */
  outcome: string;
  passed: boolean;
  /** Reason if it did not pass. */
  reason?: string;
  /** Run time of the program in milliseconds; 0 if it did not run. */
  programMs: number;
  /** Time in milliseconds from the request for the sandbox to its verified removal. */
  sandboxMs: number;
}

export interface JudgeOptions {
  image: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Error codes that every other problem would meet, too. */
export const HOPELESS: ReadonlySet<string> = new Set([
  'image-not-found', 'agent-missing', 'agent-unsafe', 'engine-not-found', 'engine-unreachable', 'engine-permission',
  'engine-lost', 'runtime-not-found', 'manager-closed', 'invalid-options', 'aborted',
]); // biome-ignore format: a table

/**
 * Judges a problem.
 * @throws TaskAbortedError; RipcordError with a code of {@link HOPELESS}
 */
export async function judge(manager: SandboxManager, problem: Problem, options: JudgeOptions): Promise<Verdict> {
  const { image, timeoutMs, signal } = options;
  const startedAt = performance.now();
  const proof = randomUUID();
  let judged: Pick<Verdict, 'outcome' | 'passed' | 'reason' | 'programMs'>;
  try {
    await using sandbox = await manager.create({ image, signal });
    const program = judgingProgram(problem, proof);
    judged = verdictOn(await sandbox.runCode(program, { language: 'python', timeoutMs, signal }), proof);
  } catch (error) {
    if (signal.aborted || (error instanceof RipcordError && HOPELESS.has(error.code))) throw error;
    judged = { outcome: 'not-run', passed: false, reason: messageOf(error), programMs: 0 };
  }
  return { task: problem.task_id, ...judged, sandboxMs: performance.now() - startedAt };
}

function verdictOn(result: ExecResult, proof: string): Omit<Verdict, 'task' | 'sandboxMs'> {
  const programMs = result.durationMs;
  if (result.outcome !== 'exited') {
    return { outcome: result.outcome, passed: false, reason: lastLine(result.stderr) || result.outcome, programMs };
  }
  const passed = result.exitCode === 0 && lastLine(result.stdout) === proof;
  if (passed) return { outcome: 'passed', passed, programMs };
  const reason = lastLine(result.stderr) || `ended with ${result.exitCode} before its last check`;
  return { outcome: 'failed', passed, reason, programMs };
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)?.trim() ?? '';
