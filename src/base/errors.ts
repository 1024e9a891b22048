/**
 * Every error Ripcord throws is a {@link RipcordError}. It has a stable `code` for programs, a `message` that names the
 * problem, and a `hint` if the user can do something about it.
 */

import type { CommitErrorCode, FileErrorCode, LibraryErrorCode, ServerErrorCode } from './error-codes.js';

export type { CommitErrorCode, FileErrorCode };

/** The stable codes. error-codes.ts has the meaning of each. */
export type ErrorCode = LibraryErrorCode | FileErrorCode | CommitErrorCode | ServerErrorCode;

export interface RipcordErrorOptions {
  /** Advice for the user. */
  hint?: string;
  cause?: unknown;
  /** Machine-readable details: names, limits, statuses. */
  details?: Record<string, unknown>;
}

/** The base class of every error of this library. */
export class RipcordError extends Error {
  /** Stable, machine-readable code. */
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

/** Thrown if the caller's AbortSignal fired. `cause` is the signal's reason, `partial` the result so far. */
export class TaskAbortedError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial } = {}) {
    super('aborted', message, options);
    this.partial = options.partial;
  }
}

/** Thrown if an option is missing, misspelt or out of range. The message names it. */
export class InvalidOptionsError extends RipcordError {
  constructor(message: string, options: RipcordErrorOptions = {}) {
    super('invalid-options', message, options);
  }
}

/**
 * Thrown if the sandbox no longer exists: it was closed, reached its lifetime, was killed from outside, or its pipe
 * broke.
 */
export class SandboxLostError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial; closed?: boolean } = {}) {
    super(options.closed ? 'sandbox-closed' : 'sandbox-lost', message, options);
    this.partial = options.partial;
  }
}

/** Thrown if the engine stopped responding during an operation. */
export class EngineLostError<Partial = unknown> extends RipcordError {
  partial: Partial | undefined;

  constructor(message: string, options: RipcordErrorOptions & { partial?: Partial } = {}) {
    super('engine-lost', message, options);
    this.partial = options.partial;
  }
}

/** Thrown if a file operation inside a sandbox failed. `errno` is the kernel's error name (`ENOENT` …). */
export class FileError extends RipcordError {
  declare readonly code: FileErrorCode;
  readonly path: string;
  readonly errno: string;

  constructor(code: FileErrorCode, message: string, options: RipcordErrorOptions & { path: string; errno: string }) {
    super(code, message, options);
    this.path = options.path;
    this.errno = options.errno;
  }
}

/** Returns the message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
