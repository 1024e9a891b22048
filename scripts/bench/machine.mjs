/** Describes the machine of the measurement, the versions and the time. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { inProject, ROOT } from '../setup/paths.mjs';
import { engine } from './peers/docker.mjs';

/** @param {string} image */
export async function describeMachine(image) {
  const [version, info, inspected] = await Promise.all([
    engine().version(),
    engine().info(),
    engine().getImage(image).inspect(),
  ]);
  const component = (name) => version.Components?.find(({ Name }) => Name === name)?.Version;
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cpus: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    kernel: os.release(),
    os: info.OperatingSystem,
    engine: version.Version,
    runc: component('runc'),
    containerd: component('containerd'),
    storage: info.Driver,
    cgroup: info.CgroupVersion ?? '1',
    node: process.version,
    ripcord: JSON.parse(readFileSync(inProject('package.json'), 'utf8')).version,
    commit: commit(),
    image: { name: image, id: inspected.Id.replace('sha256:', '').slice(0, 12) },
    loadBefore: os.loadavg()[0],
  };
}

/** The machine and the versions, in a line. */
export function describe({ machine }) {
  return [
    machine.date.slice(0, 10),
    `${machine.cpus} × ${machine.cpu}`,
    `${machine.memoryGiB} GiB`,
    `Linux ${machine.kernel}`,
    `Docker ${machine.engine} (runc ${machine.runc}, ${machine.storage}, cgroup v${machine.cgroup})`,
    `Node ${machine.node.slice(1)}`,
    `Ripcord ${machine.ripcord}${machine.commit ? ` (${machine.commit})` : ''}`,
  ].join(' · ');
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}

/** The CPU time the hypervisor gave to others, in per cent, from the call to the returned function's. */
export function watchSteal() {
  const before = cpuTimes();
  return () => {
    const after = cpuTimes();
    const total = after.total - before.total;
    return total > 0 ? (100 * (after.steal - before.steal)) / total : 0;
  };
}

function cpuTimes() {
  try {
    const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1, 9).map(Number);
    return { total: fields.reduce((sum, value) => sum + value, 0), steal: fields[7] };
  } catch {
    return { total: 0, steal: 0 };
  }
}

/**
 * Returns the memory in bytes of all other processes, shared pages counted once: sandboxes, and the engine's processes for them.
 * (How much is available swings by more than sandboxes take: caches, and memory that a virtual machine returns to its host.)
 * @throws if it does not run as root, because only root sees all processes
 */
export function otherProcessesMemory() {
  if (process.getuid?.() !== 0) throw new Error("only root sees how much memory the engine's processes take");
  let bytes = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const match = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
      bytes += match ? Number(match[1]) * 1024 : 0;
    } catch {
      // A thread of the kernel, or one that has ended.
    }
  }
  return bytes;
}
