/** Exit codes, as env(1), timeout(1), docker-run(1) and shells use them. */
import { signalNumber } from '../base/linux.js';
import type { CommandResult, Outcome } from '../command/outcome.js';
import { formatBytes, formatMs } from './terminal/format.js';

export const ExitCode = {
  OK: 0,
  /** The command did its work and found a problem: a check failed, or a HumanEval problem did not pass. */
  FAILED: 1,
  TIMEOUT: 124,
  /** Ripcord itself failed: bad options, no engine, no image, a lost sandbox. */
  RIPCORD: 125,
  NOT_EXECUTABLE: 126,
  NOT_FOUND: 127,
  OOM: 137,
} as const;

const BY_OUTCOME: Partial<Record<Outcome, number>> = {
  timeout: ExitCode.TIMEOUT,
  oom: ExitCode.OOM,
  'output-limit': ExitCode.RIPCORD,
  'sandbox-lost': ExitCode.RIPCORD,
  'engine-lost': ExitCode.RIPCORD,
};

/** Returns the exit code of `ripcord run` and `ripcord shell` for the result of their command. */
export function exitCodeOf(result: CommandResult): number {
  switch (result.outcome) {
    case 'exited':
      return result.exitCode ?? ExitCode.RIPCORD;
    case 'signaled':
      return 128 + (signalNumber(result.signal ?? '') ?? 0);
    case 'spawn-failed':
      return spawnExitCode(result.failure?.stage, result.failure?.errno);
    default:
      return BY_OUTCOME[result.outcome] ?? ExitCode.RIPCORD;
  }
}

/** Returns 126 or 127 if the program's file could not be executed. Other causes are wrong options (an unknown user): 125. */
function spawnExitCode(stage: string | undefined, errno: string | undefined): number {
  if (stage !== 'exec') return ExitCode.RIPCORD;
  return errno === 'ENOENT' ? ExitCode.NOT_FOUND : ExitCode.NOT_EXECUTABLE;
}

/** Returns one line that explains the end of a command; `undefined` if it needs no explanation. */
export function explainResult(
  result: CommandResult,
  limits: { timeoutMs?: number | undefined; memoryBytes?: number | undefined },
): string | undefined {
  const memory = limits.memoryBytes === undefined ? '' : ` of ${formatBytes(limits.memoryBytes)}`;
  switch (result.outcome) {
    case 'timeout':
      return `timed out after ${formatMs(limits.timeoutMs ?? result.durationMs)} (--timeout)`;
    case 'oom':
      return `out of memory: it needed more than its limit${memory} (--memory)`;
    case 'signaled':
      return `ended by ${result.hint ?? result.signal}`;
    case 'spawn-failed':
      return `could not be started: ${result.failure?.message ?? 'no reason given'}`;
    case 'output-limit':
      return 'ended because it printed too much';
    case 'sandbox-lost':
      return result.hint ?? 'the sandbox was lost: it was killed from outside, or the engine went away';
    case 'engine-lost':
      return result.hint ?? 'the engine was lost';
    case 'exited':
      if (result.oomKilled) return `a process of it was killed at the memory limit${memory} (--memory)`;
      if (result.socketsLimitHit) return result.hint;
      if (result.pidsLimitHit) return 'it could not start another process: its limit is reached (--pids)';
      return result.hint;
  }
}
