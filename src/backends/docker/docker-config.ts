import { readFileSync } from 'node:fs';
import path from 'node:path';
import { invalidEndpoint } from './endpoint-error.js';
import type { Environment } from './environment.js';
import { homeOf } from './environment.js';

/** Returns the configuration directory of the docker CLI. */
export function dockerConfigDirectory(env: Environment): string {
  return env.DOCKER_CONFIG || path.join(homeOf(env), '.docker');
}

/** Returns the context selected by DOCKER_CONTEXT or `docker context use`, if any. */
export function configuredContext(env: Environment): { name: string; source: string } | undefined {
  if (env.DOCKER_CONTEXT) return { name: env.DOCKER_CONTEXT, source: 'DOCKER_CONTEXT' };
  const file = path.join(dockerConfigDirectory(env), 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Most machines do not have the file, and an unreadable one belongs to another user.
    return undefined;
  }
  const name = currentContext(text, file);
  return name ? { name, source: file } : undefined;
}

function currentContext(text: string, file: string): string | undefined {
  try {
    const config = JSON.parse(text) as { currentContext?: unknown } | null;
    return typeof config?.currentContext === 'string' ? config.currentContext : undefined;
  } catch (error) {
    throw invalidEndpoint('the file is not JSON', file, { cause: error, hint: 'Repair it, or set DOCKER_HOST.' });
  }
}
