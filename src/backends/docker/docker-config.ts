import { readFileSync } from 'node:fs';
import path from 'node:path';
import { invalidEndpoint } from './endpoint-error.js';
import type { Environment } from './environment.js';
import { homeOf } from './environment.js';

/** The docker CLI's own directory. */
export function dockerConfigDirectory(env: Environment): string {
  return env.DOCKER_CONFIG || path.join(homeOf(env), '.docker');
}

/** The context that is in use by DOCKER_CONTEXT or `docker context use`, if there is one. */
export function configuredContext(env: Environment): { name: string; source: string } | undefined {
  if (env.DOCKER_CONTEXT) return { name: env.DOCKER_CONTEXT, source: 'DOCKER_CONTEXT' };
  const file = path.join(dockerConfigDirectory(env), 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Most machines have none, and one that cannot be read belongs to somebody else.
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
