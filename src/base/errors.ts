/**
 * Every error Ripcord throws is a {@link RipcordError} with a stable `code` a program can switch on, a `message` that
 * names what was wrong, and a `hint` where a person can do something about it.
 */

/** The stable codes. Append-only. */
export type ErrorCode =
  | 'aborted'
  | 'invalid-options'
  | 'engine-not-found'
  | 'engine-unreachable'
  | 'engine-permission'
  | 'engine-lost'
  | 'engine-error'
  | 'endpoint-invalid'
  | 'runtime-not-found'
  | 'image-not-found'
  | 'image-build-failed'
  | 'agent-missing'
  | 'package-incomplete'
  | 'agent-unsafe'
  | 'create-failed'
  | 'protocol'
  | 'sandbox-lost'
  | 'sandbox-closed'
  | 'manager-closed'
  | 'command-failed'
  | 'language-unknown'
  | 'teardown-incomplete'
  | 'state-dir-unsafe'
  | 'seed-invalid'
  | 'archive-invalid'
  | 'time-limit'
  | 'result-invalid'
  | 'port-refused'
  | FileErrorCode
  | CommitErrorCode
  | ServerErrorCode;

/** Why a commit did not happen, or could not be undone. */
export type CommitErrorCode =
  | 'commit-conflict'
  | 'commit-flagged'
  | 'commit-refused'
  | 'commit-busy'
  | 'commit-blocked'
  | 'commit-journal-invalid'
  | 'commit-plan-invalid'
  | 'workspace-changed';

/** What only a server answers. */
type ServerErrorCode =
  | 'malformed'
  | 'unauthorized'
  | 'token-in-url'
  | 'host-refused'
  | 'origin-refused'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'media-type'
  | 'too-slow'
  | 'quota'
  | 'draining'
  | 'unreachable'
  | 'internal';

export type FileErrorCode =
  | 'file-not-found'
  | 'file-exists'
  | 'is-a-directory'
  | 'not-a-directory'
  | 'not-a-regular-file'
  | 'directory-not-empty'
  | 'permission-denied'
  | 'outside-workspace'
  | 'file-too-large'
  | 'too-many-entries'
  | 'no-space'
  | 'name-too-long'
  | 'incomplete-write'
  | 'file-error';

export interface RipcordErrorOptions {
  /** What a person can do about it. */
  hint?: string;
  cause?: unknown;
  /** Machine-readable facts: names, limits, statuses. */
  details?: Record<string, unknown>;
}

/** The base class of every error of this library. */
export class RipcordError extends Error {
  /** Stable, machine-readable. */
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: RipcordErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** The caller's AbortSignal fired. `cause` is the signal's reason, `partial` what was known by then. */
export class TaskAbortedError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial } = {}) {
    super('aborted', message, options);
    this.partial = options.partial;
  }
}

/** An option is missing, misspelt or out of range; the message names it. */
export class InvalidOptionsError extends RipcordError {
  constructor(message: string, options: RipcordErrorOptions = {}) {
    super('invalid-options', message, options);
  }
}

/** The sandbox is gone: closed, past its lifetime, killed from outside, or its pipe broke. */
export class SandboxLostError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial; closed?: boolean } = {}) {
    super(options.closed ? 'sandbox-closed' : 'sandbox-lost', message, options);
    this.partial = options.partial;
  }
}

/** The engine stopped answering while something was under way. */
export class EngineLostError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial } = {}) {
    super('engine-lost', message, options);
    this.partial = options.partial;
  }
}

/** A file operation inside a sandbox failed. `errno` is the kernel's name for it (`ENOENT` …). */
export class FileError extends RipcordError {
  readonly path: string;
  readonly errno: string;

  constructor(code: FileErrorCode, message: string, options: RipcordErrorOptions & { path: string; errno: string }) {
    super(code, message, options);
    this.path = options.path;
    this.errno = options.errno;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
