/** The results of commands, as the public API shows them. */

import type { AgentCapabilities, Exit, SpawnRequest, SpawnStage } from '../agent/messages.js';
import { RipcordError } from '../base/errors.js';
import { errnoName, errnoText, signalName } from '../base/linux.js';

/**
 * The closed list of outcomes. `sandbox-lost` and `engine-lost`: the pipe broke before the command's end was known. The
 * agent reports all others.
 */
export const OUTCOMES = [
  'exited',
  'signaled',
  'timeout',
  'oom',
  'output-limit',
  'spawn-failed',
  'sandbox-lost',
  'engine-lost',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The meaning of each outcome, for the reference. */
export const OUTCOME_MEANINGS: Record<Outcome, string> = {
  exited: 'The program ended by itself. `exitCode` has its exit code, zero or not.',
  signaled: 'A signal ended the program: of its own, of another process or of `kill()`. `signal` has its name.',
  timeout: 'The command passed `timeoutMs`, and its whole process tree was killed.',
  oom: 'The kernel killed the command because the sandbox had used up `limits.memory`. Raise that limit, or use less memory.',
  'output-limit': "A channel passed `maxOutputBytes` with `onOutputLimit: 'kill'`, and the process tree was killed.",
  'spawn-failed':
    'The program never ran: not found, not executable, no process left, no such directory or user. `failure` has the errno and the stage.',
  'sandbox-lost':
    'The sandbox ended while the command ran: its lifetime or lease was over, or the container was killed from outside.',
  'engine-lost': 'The engine stopped answering while the command ran. The sandbox then ends by itself.',
};

/** The reason why a command never ran. */
export interface SpawnFailure {
  /** Error name of the kernel: `ENOENT`, `EACCES`, `EAGAIN` … */
  errno: string;
  /** The step that failed: looking up the user, entering the directory, starting the program … */
  stage: SpawnStage;
  message: string;
}

export interface CommandResult {
  outcome: Outcome;
  /** Exit code; `null` unless the program itself exited. */
  exitCode: number | null;
  /** Signal that ended the command (`SIGKILL` …), else `null`. */
  signal: string | null;
  /** Wall-clock time inside the sandbox, in milliseconds. */
  durationMs: number;
  /** CPU time and largest resident set of the whole process tree. */
  usage: { cpuMs: number; maxRssBytes: number };
  /**
   * True if a process in the sandbox was killed for lack of memory meanwhile, whether or not the command itself was.
   */
  oomKilled: boolean;
  /** True if a fork failed meanwhile because of `limits.pids`. */
  pidsLimitHit: boolean;
  /** True if the sandbox had more than `limits.sockets` open, and all its commands were killed. */
  socketsLimitHit: boolean;
  /**
   * Number of background processes that were killed after the command ended. Those that ended by themselves within
   * `drainMs` are not counted.
   */
  backgroundKilled: number;
  /** True if the command ran in a fork of the warm interpreter; otherwise absent. */
  warm?: true;
  /** Set only with the outcome `spawn-failed`. */
  failure?: SpawnFailure;
  /** Explanation of an unclear outcome, with advice. */
  hint?: string;
}

/** The result of `exec` and `runCode`. `Chunk` is `string`, or `Uint8Array` with `encoding: 'buffer'`. */
export interface ExecResult<Chunk = string> extends CommandResult {
  stdout: Chunk;
  stderr: Chunk;
  /** Number of bytes that the command wrote, kept or not. */
  stdoutBytes: number;
  stderrBytes: number;
  /** True if output was left out of `stdout` or `stderr`. A line at the gap gives the number of bytes. */
  truncated: boolean;
}

/**
 * Hint for SIGBUS, the kernel's only signal of a full tmpfs to a program that writes by mmap, as PyTorch and
 * `multiprocessing` do.
 */
const BUS_HINT =
  'SIGBUS: a file mapped into memory could not grow. Most often /dev/shm is full: its size is limits.shm. ' +
  'The workspace and /tmp have limits, too (limits.workspace, limits.tmp).';

/** Hint for the sockets limit. `most` is the limit in force. */
const socketsHint = (most: number) =>
  `SIGKILL: the sandbox had more than ${most} sockets open (limits.sockets), so all its commands were killed. ` +
  'A connection within the sandbox takes two.';

export function toCommandResult(
  exit: Exit,
  argv: readonly string[],
  request: Pick<SpawnRequest, 'user' | 'cwd' | 'program'>,
  maxSockets: number,
): CommandResult {
  const result: CommandResult = {
    outcome: exit.outcome,
    exitCode: exit.exitCode,
    signal: exit.signal === null ? null : signalName(exit.signal),
    durationMs: exit.durationMs,
    usage: { cpuMs: exit.cpuMs, maxRssBytes: exit.maxRssBytes },
    oomKilled: exit.oomKilled,
    pidsLimitHit: exit.pidsLimitHit,
    socketsLimitHit: exit.socketsLimitHit,
    backgroundKilled: exit.backgroundKilled,
  };
  if (exit.warm) result.warm = true;
  // A shell exits with 128 plus the signal number if a signal ended the program; SIGBUS is 7.
  if (result.signal === 'SIGBUS' || result.exitCode === 128 + 7) result.hint = BUS_HINT;
  if (result.socketsLimitHit) result.hint = socketsHint(maxSockets);
  if (exit.outcome === 'spawn-failed') {
    const what = {
      none: argv[0],
      request: 'the request',
      user: `user '${request.user}'`,
      cwd: `directory '${request.cwd}'`,
      resources: 'a new process',
      exec: `'${argv[0]}'`,
      pty: 'a terminal',
      program: `the program '${request.program?.name}'`,
    }[exit.stage];
    result.failure = {
      errno: errnoName(exit.errno),
      stage: exit.stage,
      message: `${what}: ${errnoText(exit.errno)}${hintFor(exit, argv[0]!)}`,
    };
  }
  return result;
}

/** Returns an explanation of the errno of a program that could not be started. */
function hintFor({ stage, errno }: Exit, program: string): string {
  if (stage !== 'exec') return '';
  const name = errnoName(errno);
  if (name === 'E2BIG')
    return '; one argument may have at most 128 KiB, all arguments and the environment 2 MiB: pass long text by stdin, in a file or as a line';
  if (name === 'ENOEXEC') return '; a script needs a #! line, or its interpreter before it in the command';
  // ENOENT means a missing file or a missing interpreter. Names without a slash were already looked up in PATH.
  if (name !== 'ENOENT' || !program.includes('/') || program === '/bin/sh') return '';
  return ', or it is a script whose #! line names a missing interpreter (with Windows line ends the name ends in \\r)';
}

/** Returns the error for a command as uid 0 (by any user name) on a kernel where root could take over the agent. */
export function refusedRoot(
  exit: Exit,
  { user }: { user: string },
  { rootSafe }: AgentCapabilities,
): RipcordError | undefined {
  if (rootSafe || exit.stage !== 'user' || errnoName(exit.errno) !== 'EPERM') return undefined;
  return new RipcordError(
    'agent-unsafe',
    `user '${user}': on this kernel root in a sandbox could take over its agent`,
    {
      hint: 'Run it as another user, or in a sandbox with the runtime runc.',
      details: { user },
    },
  );
}

/** Returns the result of a command whose pipe broke. */
export function lostResult(outcome: 'sandbox-lost' | 'engine-lost', durationMs: number): CommandResult {
  return {
    outcome,
    exitCode: null,
    signal: null,
    durationMs,
    usage: { cpuMs: 0, maxRssBytes: 0 },
    oomKilled: false,
    pidsLimitHit: false,
    socketsLimitHit: false,
    backgroundKilled: 0,
  };
}
