/** Runs one of the agent's file operations: a command whose data travels on its streams. */
import type { Readable } from 'node:stream';
import { type Channel, Reader, SpawnFlag, type SpawnRequest, STDOUT } from '../agent/messages.js';
import { FileError, type FileErrorCode, RipcordError, SandboxLostError, TaskAbortedError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { errnoName, errnoText } from '../base/linux.js';
import { Command, type CommandHost, type OutputSink } from '../command/command.js';
import type { CommandResult } from '../command/outcome.js';
import { owned } from '../command/streams.js';
import { ACROSS_FILE_SYSTEMS, describeOperation, failureReason } from './failure-reason.js';

export interface OperationOptions {
  user: string;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  stdin?: boolean;
}

/** Time limit for small operations. They take about a millisecond; only a stopped or starved sandbox takes longer. */
export const OPERATION_MS = 30_000;
export const TRANSFER_MS = 3_600_000;
/** Time for a terminated operation to remove its temp file. It does so as soon as it gets a CPU. */
const GRACE_MS = 1000;
const WINDOW = 1024 * 1024;
/** Maximum output per turn of the event loop, for callers that process it as it arrives. */
const WORKED_WINDOW = 128 * 1024;
const FAILURE_MAGIC = 0x31455346;
const MAX_FAILURE = 64 * 1024;
/** Enough for an errno, a path and a message. */
const MAX_FAILURE_CHUNKS = 16;

/** Collects the failure report of an operation, up to a fixed number of chunks. */
export function keepFailure(stderr: Readable): Buffer[] {
  const failure: Buffer[] = [];
  stderr.on('data', (chunk: Buffer) => {
    if (failure.length < MAX_FAILURE_CHUNKS) failure.push(chunk);
  });
  return failure;
}

export function operationRequest(argv: readonly string[], options: OperationOptions): SpawnRequest {
  return {
    argv,
    flags: SpawnFlag.FS | (options.stdin ? SpawnFlag.STDIN : 0),
    timeoutMs: options.timeoutMs,
    graceMs: GRACE_MS,
    drainMs: 0,
    head: undefined,
    tail: 0,
    killAtBytes: 0,
    credit: WINDOW,
    cols: 0,
    rows: 0,
    user: options.user,
    cwd: '/',
    env: {},
  };
}

/** Collects the output of an operation, up to `maxBytes`. The agent enforces the limit too, but is not trusted. */
class OperationOutput implements OutputSink {
  readonly #chunks: Buffer[] = [];
  readonly #failure: Buffer[] = [];
  readonly #maxBytes: number;
  readonly #onOutput: ((chunk: Buffer) => void) | undefined;
  #command: Command | undefined;
  #bytes = 0;
  #failureBytes = 0;
  #owed = 0;
  #granting = false;

  constructor(maxBytes: number, onOutput: ((chunk: Buffer) => void) | undefined) {
    this.#maxBytes = maxBytes;
    this.#onOutput = onOutput;
  }

  begin(command: Command): void {
    this.#command = command;
  }

  output(channel: Channel, chunk: Buffer): void {
    if (channel !== STDOUT) {
      this.#failureBytes += chunk.length;
      if (this.#failureBytes <= MAX_FAILURE) this.#failure.push(Buffer.from(chunk));
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) throw new RipcordError('protocol', 'The agent sent more data than requested');
    if (this.#onOutput) this.#onOutput(chunk);
    else this.#chunks.push(owned(chunk));
    this.#owed += chunk.length;
    if (this.#onOutput) return this.#grantLater();
    if (this.#owed < WINDOW / 4) return;
    this.#command?.stream.grant(STDOUT, this.#owed);
    this.#owed = 0;
  }

  /** Grants credit in a later turn. Otherwise the agent could answer while the current turn still reads. */
  #grantLater(): void {
    if (this.#granting || this.#owed < WORKED_WINDOW / 2) return;
    this.#granting = true;
    setImmediate(() => {
      this.#granting = false;
      this.#command?.stream.grant(STDOUT, this.#owed);
      this.#owed = 0;
    });
  }

  stdout(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
  }

  failure(): Buffer {
    return Buffer.concat(this.#failure);
  }
}

/**
 * Runs an operation and resolves to its output.
 * @throws FileError, TaskAbortedError
 */
export async function runOperation(
  host: CommandHost,
  argv: readonly string[],
  options: OperationOptions & {
    input?: (command: Command) => Promise<void>;
    maxBytes?: number;
    /**
     * Receives the output as it arrives; the operation then resolves to an empty buffer. An exception ends the
     * operation.
     */
    onOutput?: (chunk: Buffer) => void;
  },
): Promise<Buffer> {
  const { onOutput } = options;
  const take = (chunk: Buffer): void => {
    if (failed) return;
    try {
      onOutput?.(chunk);
    } catch (error) {
      failed = { error };
      command.kill(0, true);
      // A protocol error must end the sandbox: rethrow it.
      if (error instanceof RipcordError && error.code === 'protocol') throw error;
    }
  };
  const answer = new OperationOutput(options.maxBytes ?? 1024 * 1024, onOutput && take);
  const request = operationRequest(argv, options);
  request.flags |= SpawnFlag.BRIEF;
  if (onOutput) request.credit = WORKED_WINDOW;
  const command = new Command(host, request, answer, options.signal);
  answer.begin(command);
  let failed: { error: unknown } | undefined;
  options.input?.(command).catch((error) => {
    failed = { error };
    // A file changes only after its last byte arrived. The grace lets an atomic write remove its temp file.
    command.kill(GRACE_MS, true);
  });
  const result = await command.result;
  if (failed) throw failed.error;
  checkOperation(argv, result, answer.failure());
  return answer.stdout();
}

/**
 * Checks the result of an operation.
 * @throws FileError if it failed
 */
export function checkOperation(argv: readonly string[], result: CommandResult, failure: Buffer): void {
  if (result.outcome === 'exited' && result.exitCode === 0) return;
  const path = argv[1] ?? '';
  const shown = `${argv[0]} ${printable(path)}`;
  if (result.outcome === 'exited' && failure.length >= 8 && failure.readUInt32LE(0) === FAILURE_MAGIC) {
    const reader = new Reader(failure.subarray(4));
    const errno = reader.u32();
    const at = reader.str();
    throw fileError(argv, at || path, errno, reader.str());
  }
  if (result.outcome === 'sandbox-lost') {
    throw new SandboxLostError(`The sandbox was lost during ${shown}`, {
      partial: result,
      ...(result.hint !== undefined && { hint: result.hint }),
    });
  }
  if (result.failure) {
    throw new RipcordError('file-error', `${describeOperation(argv)}: ${result.failure.message}`, {
      hint:
        result.failure.errno === 'EAGAIN' ? 'The sandbox has reached its limit on processes (limits.pids).' : undefined,
    });
  }
  throw new RipcordError('file-error', `${describeOperation(argv)}: the operation ended with '${result.outcome}'`, {
    details: { outcome: result.outcome, signal: result.signal },
    hint:
      result.outcome === 'signaled'
        ? 'A command in the sandbox can kill file operations: it runs as the same user.'
        : undefined,
  });
}

const CODES: Record<string, FileErrorCode> = {
  ENOENT: 'file-not-found',
  EEXIST: 'file-exists',
  EISDIR: 'is-a-directory',
  ENOTDIR: 'not-a-directory',
  EINVAL: 'not-a-regular-file',
  ENOTEMPTY: 'directory-not-empty',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
  EXDEV: 'outside-workspace',
  ELOOP: 'outside-workspace',
  EFBIG: 'file-too-large',
  E2BIG: 'too-many-entries',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  ENAMETOOLONG: 'name-too-long',
  ECANCELED: 'incomplete-write',
};

function fileError(argv: readonly string[], path: string, number: number, text: string): FileError {
  const errno = errnoName(number);
  const { reason, hint, code = CODES[errno] } = failureReason(argv, errno, text);
  // Escape the names: they come from the sandbox, and errors are logged. Name the failed path unless the description
  // already has it: a tree has many paths, and a rename has two.
  const isNamed = path === argv[1] && argv[0] !== 'rename';
  const at = isNamed || text === ACROSS_FILE_SYSTEMS ? '' : `${printable(path)}: `;
  const shown = `${describeOperation(argv)}: ${at}${reason ?? errnoText(number)} (${errno})`;
  return new FileError(code ?? 'file-error', shown, {
    path,
    errno,
    hint,
  });
}

/** Returns the error of a transfer on the host's side. An abort becomes a TaskAbortedError. */
export function transferError(error: unknown, signal: AbortSignal | undefined, what: string): unknown {
  if (!signal?.aborted || error instanceof TaskAbortedError) return error;
  return new TaskAbortedError(`Aborted while ${what}`, { cause: signal.reason });
}
