/** Errors of the caller's functions. */
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

/** A function of the caller returned a value that its schema, or the executor, does not accept. */
export class ResultError extends RipcordError {
  constructor(what: string, problem: string, cause?: unknown) {
    super('result-invalid', `${what} returned something else than expected: ${problem}`, { cause });
  }
}

/** Checks the result of a function against its schema. Without a schema, any value is accepted. */
export function checkResult<T>(what: string, value: unknown, schema: z.ZodType<T> | undefined): T {
  if (!schema) return value as T;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'value'}: ${message}`,
  );
  throw new ResultError(what, problems.join('; '), parsed.error);
}

/** Record of an error in reports, logs and memory. */
export interface RecordedError {
  /** Code of a {@link RipcordError}, else the name of the error's class. */
  code: string;
  message: string;
  /** Hint of a {@link RipcordError}: the way to fix the problem. */
  hint?: string;
}

export function recordError(error: unknown): RecordedError {
  if (error instanceof RipcordError) {
    const { code, message, hint } = error;
    return { code, message, ...(hint !== undefined && { hint }) };
  }
  return { code: error instanceof Error ? error.name : typeof error, message: messageOf(error) };
}
