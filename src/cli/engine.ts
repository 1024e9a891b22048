/** The engine itself, for commands that make no sandbox. */
import type { Backend } from '../backends/backend.js';
import { openBackend } from '../backends/open-backend.js';
import type { GlobalOptions } from './context.js';

/** Hands `work` a backend and closes it afterwards. Connects at the first call. */
export async function withEngine<T>({ docker }: GlobalOptions, work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await openBackend({ docker });
  try {
    return await work(backend);
  } finally {
    backend.close();
  }
}
