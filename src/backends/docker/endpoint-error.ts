import { RipcordError } from '../../base/errors.js';

/** `endpoint-invalid`: says what is wrong and which setting it came from. */
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
