/**
 * Every error Ripcord throws is a {@link RipcordError} with a stable `code` a program can switch on, a `message` that
 * names what was wrong, and a `hint` where a person can do something about it.
 */

import type { CommitErrorCode, FileErrorCode, LibraryErrorCode, ServerErrorCode } from './error-codes.js';

export type { CommitErrorCode, FileErrorCode };

/** The stable codes. error-codes.ts has the meaning of each. */
export type ErrorCode = LibraryErrorCode | FileErrorCode | CommitErrorCode | ServerErrorCode;

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
  declare readonly code: FileErrorCode;
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
