/** Checks the options of a call. */
import type { z } from 'zod';
import { InvalidOptionsError } from './errors.js';
import { describeIssue } from './option-problems.js';
import { ownOptions } from './own-options.js';

/**
 * Checks `input` against `schema`.
 * @throws InvalidOptionsError that names every unknown or wrong option, with the expected and the actual value
 */
export function parseOptions<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const own = ownOptions(schema, input ?? {}, what);
  const result = schema.safeParse(own);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, schema, own));
  throw new InvalidOptionsError(`${what}: ${problems.join('; ')}`, { details: { problems } });
}
