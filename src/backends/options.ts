/** Options that choose an engine. */
import { z } from 'zod';
import { type DockerOption, dockerSchema, type EngineOptions } from './docker/options.js';

export type { DockerOption, EngineOptions };

export interface BackendOptions {
  /**
   * Kind of engine. `docker` is any engine with Docker's API.
   * @default 'docker'
   */
  backend?: 'docker' | undefined;
  /** Engine to connect to: a URL as in DOCKER_HOST, or its parts. If unset, the engine that the docker CLI finds. */
  docker?: DockerOption | undefined;
}

export const backendSchema = z.strictObject({
  backend: z.enum(['docker']).default('docker'),
  docker: dockerSchema.optional(),
});
