/** Reads the engine's description of itself, beyond the facts that the library needs. */
import type Docker from 'dockerode';
import { engineError } from '../engine-error.js';

/** Fields of `GET /info` that the doctor checks. Compatible engines may omit fields. */
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

/** Fields of `GET /version` that the doctor checks. */
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

/** Requests `GET /info` and `GET /version`. */
export async function describeEngine(docker: Docker, description: string): Promise<EngineDescription> {
  // The types of dockerode lack `abortSignal`, which every call accepts.
  const limit = { abortSignal: AbortSignal.timeout(DEADLINE_MS) } as never;
  const asked = Promise.all([docker.info(limit), docker.version(limit)]);
  const [info, version] = await asked.catch((error) => {
    throw engineError(error, 'describing itself', description);
  });
  return { info: info as unknown as EngineInfo, version: version as unknown as EngineVersion };
}
