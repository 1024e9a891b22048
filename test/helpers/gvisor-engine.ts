/** The engine with gVisor that gvisor-setup.ts provides, as tests see it. */
import { inject } from 'vitest';
import { EngineApi } from './chaos/engine-api.js';
import { GVISOR_IMAGES } from './gvisor-setup.js';

const provided = inject('gVisor');

/** Why there is none, to follow its name. */
export const gVisorMissing: string | undefined = 'missing' in provided ? provided.missing : undefined;

/** Endpoint of the engine with gVisor; `undefined` if there is not one. */
export const gVisorEndpoint: string | undefined = 'endpoint' in provided ? provided.endpoint : undefined;

/** As long as a busy machine takes to copy the images. */
export const LOAD_MS = 300_000;
const POLL_MS = 100;

/** Resolves when it has its images. */
export async function gVisorReady(): Promise<void> {
  const api = new EngineApi(gVisorEndpoint!.slice('unix://'.length));
  const deadline = Date.now() + LOAD_MS;
  for (const image of GVISOR_IMAGES) {
    while ((await api.ask('GET', `/images/${image}/json`)).status !== 200) {
      if (Date.now() > deadline) throw new Error(`${image} did not get to the engine with gVisor in ${LOAD_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
