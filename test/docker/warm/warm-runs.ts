/** Runs that are warm for certain. */
import type { ExecResult, RunCodeOptions, Sandbox } from 'ripcord-sandbox';
import { expect } from 'vitest';
import { until } from '../../helpers/audit.js';

const MINUTE = 60_000;

/** The interpreter is there, and a run gets a fork of it; one that comes too early gets a fresh one. */
export async function untilWarm(sandbox: Sandbox): Promise<void> {
  await until(
    // An interpreter that was killed or stopped is started again after seconds; until then it is not ready.
    async () => (await sandbox.warmUp()) && (await sandbox.runCode('pass', { warm: true })).warm === true,
    'a warm run',
    MINUTE,
  );
}

/** Runs it warm for certain. */
export async function warm(sandbox: Sandbox, code: string, options: RunCodeOptions = {}): Promise<ExecResult> {
  const result = await sandbox.runCode(code, { ...options, warm: true });
  expect(result.warm, `${result.outcome} ${result.stderr}`).toBe(true);
  return result;
}
