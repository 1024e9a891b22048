/** What can go wrong with the caller's own functions. */
import type { z } from 'zod';
import { messageOf, RipcordError } from '../base/errors.js';

/** A step, or the whole run, took longer than its limit. */
export class TimeLimitError extends RipcordError {
  readonly what: string;
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super('time-limit', `${what} took longer than ${timeoutMs} ms`, { details: { what, timeoutMs } });
    this.what = what;
    this.timeoutMs = timeoutMs;
  }
}

/** A function of the caller's returned something other than its schema, or the executor, expects. */
export class ResultError extends RipcordError {
  constructor(what: string, problem: string, cause?: unknown) {
    super('result-invalid', `${what} returned something else than expected: ${problem}`, { cause });
  }
}

/** Checks what a function returned. Without a schema it is taken as it is. */
export function checkResult<T>(what: string, value: unknown, schema: z.ZodType<T> | undefined): T {
  if (!schema) return value as T;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'value'}: ${message}`,
  );
  throw new ResultError(what, problems.join('; '), parsed.error);
}

/** An error as it is kept in reports, logs and memory. */
export interface RecordedError {
  /** A code of {@link RipcordError}, else the error's class. */
  code: string;
  message: string;
  /** The hint of a {@link RipcordError} says what to do about it. */
  hint?: string;
}

export function recordError(error: unknown): RecordedError {
  if (error instanceof RipcordError) {
    const { code, message, hint } = error;
    return { code, message, ...(hint !== undefined && { hint }) };
  }
  return { code: error instanceof Error ? error.name : typeof error, message: messageOf(error) };
}
