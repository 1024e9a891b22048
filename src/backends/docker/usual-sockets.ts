import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { RipcordError } from '../../base/errors.js';
import type { Environment } from './environment.js';
import { homeOf } from './environment.js';

/** Returns the usual paths of engine sockets, Docker's own first. */
export function usualSockets(env: Environment, platform: NodeJS.Platform = process.platform): string[] {
  if (platform === 'win32') return ['//./pipe/docker_engine'];
  const home = homeOf(env);
  const runtime = env.XDG_RUNTIME_DIR;
  return [
    '/var/run/docker.sock',
    ...(runtime ? [path.join(runtime, 'docker.sock')] : []),
    path.join(home, '.docker/run/docker.sock'),
    path.join(home, '.colima/default/docker.sock'),
    path.join(home, '.rd/docker.sock'),
    path.join(home, '.orbstack/run/docker.sock'),
    ...(runtime ? [path.join(runtime, 'podman/podman.sock')] : []),
    '/run/podman/podman.sock',
    path.join(home, '.local/share/containers/podman/machine/podman.sock'),
  ];
}

/**
 * Returns the first socket that this user may use. If there are only others, returns the first of those, so that the
 * error at its use names the missing permission.
 * @throws `engine-not-found` with the list of tried sockets
 */
export function firstUsualSocket(env: Environment, candidates = usualSockets(env)): string {
  // The existence of a named pipe cannot be checked without opening it.
  if (candidates[0]?.startsWith('//./pipe/')) return candidates[0];
  const existing = candidates.filter(isSocket);
  const found = existing.find(isUsable) ?? existing[0];
  if (found !== undefined) return found;
  throw new RipcordError('engine-not-found', `No container engine was found. Tried: ${candidates.join(', ')}`, {
    hint: 'Is Docker installed and running? Otherwise set DOCKER_HOST, e.g. unix:///run/user/1000/docker.sock.',
    details: { tried: candidates },
  });
}

function isSocket(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function isUsable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
