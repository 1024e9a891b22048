/**
 * Opens a backend. Only this file lists the engines. Each is imported when it is opened, because dockerode alone takes
 * 400 ms of CPU to load.
 */
import type { Backend, Cleaner, Connection } from './backend.js';
import type { DockerOrders } from './docker/endpoint.js';
import type { BackendOptions } from './options.js';

/**
 * Opens the engine that `options` select. It connects at the first call.
 * @throws RipcordError `engine-not-found`, `endpoint-invalid`
 */
export async function openBackend({ docker }: BackendOptions): Promise<Backend> {
  const { DockerBackend } = await import('./docker/docker-backend.js');
  return DockerBackend.open(docker);
}

/** Opens the engine from a watchdog's input, only for removals. */
export async function openCleaner(connection: Connection): Promise<Cleaner> {
  const docker = await import('./docker/cleaner.js');
  return docker.openCleaner(connection as DockerOrders);
}
