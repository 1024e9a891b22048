import Docker from 'dockerode';
import type { DockerEndpoint } from './endpoint.js';
import { SshAgent } from './ssh-agent.js';

/** A dockerode client for one endpoint, and its resources. */
export interface DockerConnection {
  docker: Docker;
  /** Ends the processes of the connection (ssh). Streams through it break. */
  close(): void;
}

/** Creates a client. It connects at the first call. */
export function connectDocker(endpoint: DockerEndpoint): DockerConnection {
  if (endpoint.ssh === undefined) return { docker: createClient(endpoint.options), close() {} };
  const agent = new SshAgent(endpoint.ssh);
  return { docker: createClient({ ...endpoint.options, agent } as Docker.DockerOptions), close: () => agent.close() };
}

/**
 * docker-modem adds DOCKER_HOST to its options: a `socketPath` is overridden by the host from there, and unreadable
 * certificates throw. It reads the environment only in its synchronous constructor, so DOCKER_HOST is hidden meanwhile.
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
