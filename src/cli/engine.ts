/** The engine itself, for commands that make no sandbox. */
import { DockerBackend } from '../backends/docker/docker-backend.js';
import type { GlobalOptions } from './context.js';

/** Hands `work` a backend and closes it afterwards. Connects at the first call. */
export async function withEngine<T>(globals: GlobalOptions, work: (backend: DockerBackend) => Promise<T>): Promise<T> {
  const backend = DockerBackend.open(globals.docker);
  try {
    return await work(backend);
  } finally {
    backend.close();
  }
}
