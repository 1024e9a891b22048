/** How a command ended, in the words of the public API. */

import type { AgentCapabilities, Exit, SpawnRequest, SpawnStage } from '../agent/messages.js';
import { RipcordError } from '../base/errors.js';
import { errnoName, errnoText, signalName } from '../base/linux.js';

/**
 * The closed list. `sandbox-lost` and `engine-lost`: the pipe broke before the command's end came; the rest is what the
 * agent saw.
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

/** Why a command never ran. */
export interface SpawnFailure {
  /** The kernel's name for it: `ENOENT`, `EACCES`, `EAGAIN` … */
  errno: string;
  /** What was being done: looking up the user, entering the directory, starting the program … */
  stage: SpawnStage;
  message: string;
}

export interface CommandResult {
  outcome: Outcome;
  /** `null` unless the program itself exited. */
  exitCode: number | null;
  /** The signal that ended it (`SIGKILL` …), else `null`. */
  signal: string | null;
  /** Wall-clock time inside the sandbox. */
  durationMs: number;
  /** CPU time and largest resident set of the whole process tree. */
  usage: { cpuMs: number; maxRssBytes: number };
  /** Something in the sandbox was killed for lack of memory meanwhile, whatever became of the command itself. */
  oomKilled: boolean;
  /** A fork failed meanwhile because of the limit on processes. */
  pidsLimitHit: boolean;
  /** The sandbox had more than `limits.sockets` open, and this command was killed with all others. */
  socketsLimitHit: boolean;
  /** Processes the command had left running and that were killed: those that ended by themselves within `drainMs` are not counted. */
  backgroundKilled: number;
  /** It ran in a fork of the warm interpreter; absent where it did not. */
  warm?: true;
  /** Only with outcome `spawn-failed`. */
  failure?: SpawnFailure;
  /** Explains an end that says little by itself, and says what to do about it. */
  hint?: string;
}

/** The result of `exec` and `runCode`. `Chunk` is `string`, or `Uint8Array` with `encoding: 'buffer'`. */
export interface ExecResult<Chunk = string> extends CommandResult {
  stdout: Chunk;
  stderr: Chunk;
  /** All the command wrote, kept or not. */
  stdoutBytes: number;
  stderrBytes: number;
  /** Output was left out of `stdout` or `stderr`; a line at the gap says how much. */
  truncated: boolean;
}

/** The kernel's only sign of a full tmpfs to a program that writes to it by mmap, as PyTorch and `multiprocessing` do. */
const BUS_HINT =
  'SIGBUS: a file mapped into memory could not grow. Most often /dev/shm is full: its size is limits.shm. ' +
  'The workspace and /tmp have limits, too (limits.workspace, limits.tmp).';

/** `most` is the number in force. */
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
  // A shell says 128 and the signal's number of a program that a signal ended; SIGBUS is 7.
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

/** Adds an explanation to the errno of a program that could not be started. */
function hintFor({ stage, errno }: Exit, program: string): string {
  if (stage !== 'exec') return '';
  const name = errnoName(errno);
  if (name === 'E2BIG')
    return '; one argument is at most 128 KiB, all together with the environment 2 MiB: give long text by stdin, in a file or as a line';
  if (name === 'ENOEXEC') return '; a script begins with a #! line, or has its interpreter named before it';
  // ENOENT stands for a missing file and for a missing interpreter. Names without a slash are looked up first.
  if (name !== 'ENOENT' || !program.includes('/') || program === '/bin/sh') return '';
  return ', or it is a script whose #! line names none that is here (with line ends of Windows its name ends in \\r)';
}

/** The error for a command as uid 0, where the agent takes none because root could reach it; by whatever name it was asked. */
export function refusedRoot(
  exit: Exit,
  { user }: { user: string },
  { rootSafe }: AgentCapabilities,
): RipcordError | undefined {
  if (rootSafe || exit.stage !== 'user' || errnoName(exit.errno) !== 'EPERM') return undefined;
  return new RipcordError(
    'agent-unsafe',
    `user '${user}': on this kernel root of a sandbox could take over its agent`,
    {
      hint: 'Run it as another user, or in a sandbox with the runtime runc.',
      details: { user },
    },
  );
}

/** What is known of a command whose pipe broke. */
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
