/**
 * An engine that knows gVisor, for a run of tests: the one the other tests run on, or one of the run's own beside it,
 * so that nothing of the machine's own is reconfigured or restarted. A global setup of vitest's.
 */
import { accessSync, constants } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { EngineApi, engineSocket } from './chaos/engine-api.js';
import { canRunPrivateEngine, PrivateEngine } from './chaos/private-engine.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Its endpoint, or why there is none. */
    gVisor: { endpoint: string } | { missing: string };
  }
}

/** Images that the tests need on that engine. */
export const GVISOR_IMAGES = ['ripcord/base:latest', 'ripcord/python:latest'];

const RUNSC = '/usr/bin/runsc';
const CONFIG = {
  // Its kvm platform hangs on some machines; without a network of its own the older versions do not start.
  runtimes: { runsc: { path: RUNSC, runtimeArgs: ['--platform=ptrace', '--network=none'] } },
};

export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (await knowsRunsc()) {
    provide('gVisor', { endpoint: `unix://${engineSocket()}` });
    return undefined;
  }
  const missing = whyNot();
  if (missing !== undefined) {
    provide('gVisor', { missing });
    return undefined;
  }
  const engine = await PrivateEngine.start(CONFIG);
  provide('gVisor', { endpoint: engine.endpoint });
  // Behind the first tests. An engine that does not get its images ends, and so does the wait of those that need it.
  const loaded = engine.load(GVISOR_IMAGES).catch(async (error) => {
    await engine.destroy();
    throw error;
  });
  loaded.catch(() => {});
  return async () => {
    await loaded;
    await engine.destroy();
  };
}

/** No engine, or one that is far away, does not. */
async function knowsRunsc(): Promise<boolean> {
  try {
    const { Runtimes } = await new EngineApi().json<{ Runtimes?: object }>('GET', '/info');
    return Object.hasOwn(Runtimes ?? {}, 'runsc');
  } catch {
    return false;
  }
}

function whyNot(): string | undefined {
  if (!canRunPrivateEngine) return 'which this engine does not know, and one beside it takes root and dockerd';
  try {
    accessSync(RUNSC, constants.X_OK);
    return undefined;
  } catch {
    return `which this engine does not know, and ${RUNSC} is not installed`;
  }
}
