/** The log of `ripcord serve`: one JSON object per line on stderr. */
import { pino } from 'pino';
import type { Logger } from '../base/logger.js';

/** Paths to redact. The server logs no request headers itself, but an error object may contain some. */
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
