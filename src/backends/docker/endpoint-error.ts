import { RipcordError } from '../../base/errors.js';

/** Creates an `endpoint-invalid` error that names the problem and the setting that caused it. */
export function invalidEndpoint(
  what: string,
  source: string,
  options: { hint?: string; cause?: unknown } = {},
): RipcordError {
  return new RipcordError('endpoint-invalid', `Cannot use the container engine given by ${source}: ${what}`, {
    ...options,
    details: { source },
  });
}
