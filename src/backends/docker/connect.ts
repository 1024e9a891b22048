import Docker from 'dockerode';
import type { DockerEndpoint } from './endpoint.js';
import { SshAgent } from './ssh-agent.js';

/** A dockerode client for one endpoint, with what belongs to it. */
export interface DockerConnection {
  docker: Docker;
  /** Ends what the connection has running beside this process (ssh). Streams through it break. */
  close(): void;
}

/** Connects nothing yet: the engine is spoken to at the first call. */
export function connectDocker(endpoint: DockerEndpoint): DockerConnection {
  if (endpoint.ssh === undefined) return { docker: createClient(endpoint.options), close() {} };
  const agent = new SshAgent(endpoint.ssh);
  return { docker: createClient({ ...endpoint.options, agent } as Docker.DockerOptions), close: () => agent.close() };
}

/**
 * docker-modem mixes DOCKER_HOST into whatever it is given: a `socketPath` loses against a host from there, and
 * certificates that cannot be read throw. It reads the environment at construction only, which is synchronous.
 */
function createClient(options: Docker.DockerOptions): Docker {
  const { DOCKER_HOST } = process.env;
  delete process.env.DOCKER_HOST;
  try {
    return new Docker(options);
  } finally {
    if (DOCKER_HOST !== undefined) process.env.DOCKER_HOST = DOCKER_HOST;
  }
}
