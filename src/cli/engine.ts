/** Connects to the engine for commands that create no sandbox. */
import type { Backend } from '../backends/backend.js';
import { openBackend } from '../backends/open-backend.js';
import type { GlobalOptions } from './context.js';

/** Calls `work` with a backend and closes the backend afterwards. The backend connects at its first call. */
export async function withEngine<T>({ docker }: GlobalOptions, work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await openBackend({ docker });
  try {
    return await work(backend);
  } finally {
    backend.close();
  }
}
