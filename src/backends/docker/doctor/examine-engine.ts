/** Examines what the engine reports: versions, limits, isolation, and whether the agent can be installed. */
import type Docker from 'dockerode';
import type { Examination } from '../../backend.js';
import { check, type Finding } from '../../finding.js';
import { checkAgent } from './agent.js';
import { describeEngine, type EngineDescription } from './engine-info.js';
import { checkIsolation } from './isolation.js';
import { checkLimits } from './limits.js';
import { checkVersions } from './versions.js';

const OWN_KERNEL_RUNTIME = 'runsc';

export async function examineEngine(
  docker: Docker,
  place: { description: string; local: boolean },
): Promise<Examination> {
  const engine = await describeEngine(docker, place.description);
  const { KernelVersion: hostKernel = '', Runtimes = {} } = engine.info;
  return {
    engine: [
      ...checkMachine(place, engine),
      ...checkVersions(engine),
      ...checkLimits(engine.info),
      ...checkIsolation(engine.info),
    ],
    agent: checkAgent(engine.version.Arch ?? ''),
    ownKernel: Object.hasOwn(Runtimes, OWN_KERNEL_RUNTIME) ? { runtime: OWN_KERNEL_RUNTIME, hostKernel } : undefined,
  };
}

function checkMachine(
  { description, local }: { description: string; local: boolean },
  engine: EngineDescription,
): Finding[] {
  const { OperatingSystem: os, KernelVersion: kernel, NCPU: cpus, MemTotal: memory } = engine.info;
  const machine = [
    os,
    kernel && `Linux ${kernel}`,
    cpus && `${cpus} CPUs`,
    memory && `${Math.round(memory / 1024 ** 3)} GiB`,
  ];
  return [
    check('engine.reachable', true, {
      ok: `${description}, API ${engine.version.ApiVersion}${local ? '' : ' (not on this machine)'}`,
      bad: '',
    }),
    check('engine.machine', true, { ok: machine.filter(Boolean).join(', '), bad: '' }),
  ];
}
