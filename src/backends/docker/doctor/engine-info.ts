/** The engine's own description, beyond the facts that the library needs. */
import type Docker from 'dockerode';
import { engineError } from '../engine-error.js';

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
  Arch?: string;
  Components?: { Name: string; Version: string }[];
}

export interface EngineDescription {
  info: EngineInfo;
  version: EngineVersion;
}

const DEADLINE_MS = 15_000;

/** Requests both. */
export async function describeEngine(docker: Docker, description: string): Promise<EngineDescription> {
  // The types of dockerode do not know that every call takes an abortSignal.
  const limit = { abortSignal: AbortSignal.timeout(DEADLINE_MS) } as never;
  const asked = Promise.all([docker.info(limit), docker.version(limit)]);
  const [info, version] = await asked.catch((error) => {
    throw engineError(error, 'describing itself', description);
  });
  return { info: info as unknown as EngineInfo, version: version as unknown as EngineVersion };
}
