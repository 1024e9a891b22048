/** Adds headers on the host, so that their values never enter the sandbox. */

import { InvalidOptionsError } from '../base/errors.js';
import type { ResolvedNetwork } from './options.js';
import { HOST_NAME, isLocal } from './own-names.js';
import { parseAuthority, type Target } from './rules.js';

export interface Injection {
  target: Target;
  header: string;
  value: string;
  tls: boolean;
}

/**
 * Resolves an entry of `network.inject`.
 * @throws InvalidOptionsError naming the option
 */
export function toInjection(entry: ResolvedNetwork['inject'][number], option: string): Injection {
  const asked = parseAuthority(entry.host, entry.tls ? 443 : 80);
  if (!asked) {
    throw new InvalidOptionsError(
      `create: ${option}.host: '${entry.host}' is not an exact host, with a port or without`,
    );
  }
  const value = process.env[entry.fromEnv];
  if (!value) {
    throw new InvalidOptionsError(`create: ${option}.fromEnv: the environment has no ${entry.fromEnv}`);
  }
  // Do not print the value in an error message.
  if (!/^[\t\x20-\x7e]*$/.test(entry.prefix + value)) {
    throw new InvalidOptionsError(`create: ${option}: ${entry.fromEnv} holds bytes that a header cannot have`);
  }
  const target = isLocal(asked.host) ? { ...asked, host: HOST_NAME } : asked;
  return { target, header: entry.header, value: entry.prefix + value, tls: entry.tls };
}

/** Returns the header for a request to `target`. The sandbox uses port 80 if the host continues in TLS. */
export const injectionFor = (injections: readonly Injection[], target: Target): Injection | undefined =>
  injections.find(
    ({ target: { host, port }, tls }) =>
      host === target.host && (port === target.port || (tls && port === 443 && target.port === 80)),
  );
