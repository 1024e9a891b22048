/** Finds an engine that answers. Nothing here changes anything. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { canAsk, pingEngine } from './engine-api.mjs';

/**
 * @typedef {object} Engine
 * @property {string} endpoint
 * @property {string} source where the endpoint comes from, for people: `DOCKER_HOST`, `docker context colima` …
 *
 * @typedef {object} Failure
 * @property {string} endpoint
 * @property {string} source
 * @property {NodeJS.ErrnoException} error
 */

/**
 * @returns {Promise<{ engine?: Engine, failures: Failure[] }>} the first engine that answers, in the order the docker
 *   CLI looks, then wherever the usual products put their sockets; or why each candidate does not
 */
export async function findEngine() {
  const candidates = engineCandidates();
  /** @type {(Failure | undefined)[]} */
  const outcomes = await Promise.all(
    candidates.map((candidate) =>
      // An endpoint behind ssh or TLS is an explicit choice, and only dockerode can reach it.
      (canAsk(candidate.endpoint) ? pingEngine(candidate.endpoint) : Promise.resolve()).then(
        () => undefined,
        (error) => ({ ...candidate, error }),
      ),
    ),
  );
  const answering = outcomes.indexOf(undefined);
  return {
    engine: candidates[answering],
    failures: outcomes.flatMap((outcome) => outcome ?? []),
  };
}

/** @returns {Engine[]} */
export function engineCandidates() {
  if (process.env.DOCKER_HOST) return [{ endpoint: process.env.DOCKER_HOST, source: 'DOCKER_HOST' }];
  const context = currentContext();
  const sockets =
    process.platform === 'win32' ? ['//./pipe/docker_engine'] : unixSockets().filter((file) => existsSync(file));
  return [
    ...(context ? [context] : []),
    ...sockets.map((file) => ({
      endpoint: process.platform === 'win32' ? `npipe://${file}` : `unix://${file}`,
      source: file,
    })),
  ];
}

/** @returns {Engine | undefined} */
function currentContext() {
  const directory = process.env.DOCKER_CONFIG ?? path.join(os.homedir(), '.docker');
  try {
    const name =
      process.env.DOCKER_CONTEXT ??
      JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')).currentContext;
    if (!name || name === 'default') return undefined;
    const id = createHash('sha256').update(name).digest('hex');
    const meta = JSON.parse(readFileSync(path.join(directory, 'contexts', 'meta', id, 'meta.json'), 'utf8'));
    return { endpoint: meta.Endpoints.docker.Host, source: `docker context ${name}` };
  } catch {
    return undefined;
  }
}

function unixSockets() {
  const home = os.homedir();
  const runtime = process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.()}`;
  return [
    '/var/run/docker.sock',
    `${runtime}/docker.sock`,
    `${home}/.docker/run/docker.sock`,
    `${home}/.docker/desktop/docker.sock`,
    `${home}/.orbstack/run/docker.sock`,
    `${home}/.colima/default/docker.sock`,
    `${home}/.config/colima/default/docker.sock`,
    `${home}/.rd/docker.sock`,
    `${home}/.lima/docker/sock/docker.sock`,
    '/run/podman/podman.sock',
    `${runtime}/podman/podman.sock`,
    `${home}/.local/share/containers/podman/machine/podman.sock`,
  ];
}
