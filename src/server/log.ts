/** The log of `ripcord serve`: one JSON object a line on stderr. */
import { pino } from 'pino';
import type { Logger } from '../base/logger.js';

/** Nothing of a request's headers is ever logged; these are for what an error may drag along. */
const SECRETS = [
  'token',
  'authorization',
  'headers',
  '*.token',
  '*.authorization',
  '*.headers',
  'err.config',
  'err.options',
];

export function serverLogger(level: string): Logger {
  return pino(
    { level, base: null, redact: { paths: SECRETS, censor: '[redacted]' } },
    pino.destination({ fd: 2, sync: true }),
  );
}
