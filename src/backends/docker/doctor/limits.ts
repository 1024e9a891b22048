import { check, type Finding } from '../../finding.js';
import type { EngineInfo } from './engine-info.js';

const NO_CGROUPS =
  'A rootless engine needs systemd and cgroup v2 with delegation: docs.docker.com/engine/security/rootless';

/** Checks the limits that the engine reports. The probe tests them. */
export function checkLimits(info: EngineInfo): Finding[] {
  const { CgroupVersion: version = '1', CgroupDriver: driver } = info;
  return [
    check('limits.cgroup', driver !== 'none', {
      ok: `cgroup v${version}, driver ${driver ?? 'unknown'}`,
      bad: 'the engine has no cgroup driver: no limit of any kind is enforced',
      fix: NO_CGROUPS,
    }),
    check('limits.memory', info.MemoryLimit !== false, {
      ok: 'memory',
      bad: 'memory cannot be limited: a sandbox can take all of the machine’s',
      fix: 'Boot with cgroup_enable=memory.',
    }),
    check('limits.swap', info.SwapLimit !== false, {
      ok: 'swap (sandboxes get none)',
      bad: 'swap cannot be limited: a sandbox at its memory limit swaps instead of ending',
      fix: 'Boot with swapaccount=1, or turn swap off.',
      otherwise: 'warn',
    }),
    check('limits.pids', info.PidsLimit !== false, {
      ok: 'processes',
      bad: 'processes cannot be limited: a fork bomb reaches the machine',
      fix: 'The kernel needs CONFIG_CGROUP_PIDS.',
    }),
    check('limits.cpu', info.CpuCfsQuota !== false, {
      ok: 'CPU time',
      bad: 'CPU time cannot be limited: sandboxes take what they get',
      fix: 'The kernel needs CONFIG_CFS_BANDWIDTH.',
      otherwise: 'warn',
    }),
    check('limits.cpuset', info.CPUSet !== false, {
      ok: 'the CPUs a sandbox runs on (`limits.cpuset`)',
      bad: 'sandboxes cannot be pinned to CPUs: `limits.cpuset` changes nothing, and nproc shows all of the machine',
      fix: 'The kernel needs CONFIG_CPUSETS, and the cgroup its controller.',
      otherwise: 'warn',
    }),
  ];
}
