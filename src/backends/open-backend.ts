/** The one place that knows which engines there are. Each is loaded when it is opened: dockerode alone takes 400 ms of CPU. */
import type { Backend, Cleaner, Connection } from './backend.js';
import type { DockerOrders } from './docker/endpoint.js';
import type { BackendOptions } from './options.js';

/**
 * Opens the engine that `options` name; it connects at the first call.
 * @throws RipcordError `engine-not-found`, `endpoint-invalid`
 */
export async function openBackend({ docker }: BackendOptions): Promise<Backend> {
  const { DockerBackend } = await import('./docker/docker-backend.js');
  return DockerBackend.open(docker);
}

/** Opens the engine of a watchdog's orders, for removals alone. */
export async function openCleaner(connection: Connection): Promise<Cleaner> {
  const docker = await import('./docker/cleaner.js');
  return docker.openCleaner(connection as DockerOrders);
}
