/** What the engine says of itself beyond what the library needs. */
import type { DockerBackend } from '../backends/docker/docker-backend.js';
import { engineError } from '../backends/docker/engine-error.js';

/** The part of `GET /info` that is judged. Engines of other makers leave fields out. */
export interface EngineInfo {
  CgroupVersion?: string;
  CgroupDriver?: string;
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  PidsLimit?: boolean;
  CpuCfsQuota?: boolean;
  CPUSet?: boolean;
  SecurityOptions?: string[];
  Runtimes?: Record<string, unknown>;
  DefaultRuntime?: string;
  Driver?: string;
  LiveRestoreEnabled?: boolean;
  NCPU?: number;
  MemTotal?: number;
  OperatingSystem?: string;
  KernelVersion?: string;
}

/** The part of `GET /version` that is judged. */
export interface EngineVersion {
  Version: string;
  ApiVersion: string;
  Components?: { Name: string; Version: string }[];
}

export interface EngineDescription {
  info: EngineInfo;
  version: EngineVersion;
}

const DEADLINE_MS = 15_000;

/** Asks for both. */
export async function describeEngine(backend: DockerBackend): Promise<EngineDescription> {
  // The types of dockerode do not know that every call takes an abortSignal.
  const limit = { abortSignal: AbortSignal.timeout(DEADLINE_MS) } as never;
  const asked = Promise.all([backend.docker.info(limit), backend.docker.version(limit)]);
  const [info, version] = await asked.catch((error) => {
    throw engineError(error, 'describing itself', backend.description);
  });
  return { info: info as unknown as EngineInfo, version: version as unknown as EngineVersion };
}
