/** Builds the container configuration for the Docker API. All hardening is in this file. */
import type Docker from 'dockerode';
import { WORKSPACE } from '../../base/places.js';
import { type ContainerSpec, MAX_SOCKET_BUFFER, type RunningLimits, SANDBOX_HOSTNAME, type Tmpfs } from '../backend.js';
import { seccompOption } from './seccomp.js';

/** Mount point of the agent's volume. */
export const AGENT_DIR = '/.ripcord';
export const AGENT_PATH = `${AGENT_DIR}/agent`;
/** Directory of the warm interpreter's files. src/command/warm.ts passes it to the agent. */
export const WARM_DIR = `${AGENT_DIR}/warm`;
/** Directory of files for interpreters whose program is given as text. program/library.c copies them from here. */
export const PYTHON_DIR = `${AGENT_DIR}/python`;
export const NODE_DIR = `${AGENT_DIR}/node`;
/**
 * Directory for such programs and copies (PROGRAMS_DIR in program/program.h): more than two inodes for each stream of
 * the agent.
 */
const PROGRAMS_DIR = '/run/ripcord';
const PROGRAM_INODES = 2048;

/** Capabilities that PID 1 needs to switch commands to another user and to kill them. Commands do not have them. */
const AGENT_CAPABILITIES = ['SETUID', 'SETGID', 'KILL'];

/**
 * Sizes of socket buffers. On cgroup v1 the kernel counts them towards no limit. They belong to the network namespace,
 * and only the engine can set them (`tcp(7)`). The seccomp profile keeps programs from choosing other sizes.
 */
const SOCKET_BUFFERS = {
  'net.ipv4.tcp_rmem': `4096 131072 ${MAX_SOCKET_BUFFER}`,
  'net.ipv4.tcp_wmem': `4096 16384 ${MAX_SOCKET_BUFFER}`,
};

/**
 * Masked paths. This list replaces the engine's, so it contains all of that one (moby's daemon/pkg/oci/defaults.go,
 * 28.5), and two more. /proc/locks shows the `F_OFD_SETLK` locks of every sandbox, because they do not belong to a
 * process: their offsets would be a channel between sandboxes. /proc/key-users counts the keys of every user of the
 * machine.
 */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/key-users',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/locks',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Adds the temperature counters of each CPU, which the engine masks as well. */
function maskedPaths(cpus: number): string[] {
  const counters = Array.from({ length: cpus }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`);
  return [...MASKED, ...counters];
}

export function containerConfig(
  spec: ContainerSpec,
  agentVolume: string,
  { sysctls, userFiles, machineCpus }: { sysctls: boolean; userFiles: boolean; machineCpus: number },
): Docker.ContainerCreateOptions {
  const tmpfs = new Map(spec.tmpfs.map((one) => [one.path, tmpfsOptions(one)]));
  tmpfs.delete(AGENT_DIR);
  tmpfs.set(PROGRAMS_DIR, `rw,noexec,nosuid,nodev,size=${spec.programBytes},nr_inodes=${PROGRAM_INODES},mode=0755`);
  const mounts: Docker.MountSettings[] = [
    // NoCopy: files of the image must not be copied into the agent's volume.
    {
      Type: 'volume',
      Source: agentVolume,
      Target: AGENT_DIR,
      ReadOnly: true,
      VolumeOptions: { NoCopy: true } as never,
    },
  ];
  if (spec.bind) {
    mounts.push({ Type: 'bind', Source: spec.bind.source, Target: WORKSPACE, ReadOnly: spec.bind.readOnly });
  }
  if (spec.userFiles && userFiles) {
    for (const [name, path] of Object.entries(spec.userFiles)) {
      mounts.push({ Type: 'bind', Source: path, Target: `/etc/${name}`, ReadOnly: true });
    }
  }
  return {
    name: spec.name,
    Image: spec.image.id,
    Labels: { ...spec.annotations, ...spec.labels },
    Entrypoint: [AGENT_PATH],
    Cmd: [],
    User: '0:0',
    WorkingDir: '/',
    Hostname: SANDBOX_HOSTNAME,
    Tty: false,
    // The pipe. StdinOnce: if the host's end of it closes for any reason, the engine closes the agent's stdin.
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    NetworkDisabled: spec.network === 'none',
    HostConfig: {
      AutoRemove: true,
      NetworkMode: spec.network,
      ReadonlyRootfs: spec.readOnlyRoot,
      CapDrop: ['ALL'],
      CapAdd: AGENT_CAPABILITIES,
      SecurityOpt: ['no-new-privileges', seccompOption()],
      MaskedPaths: maskedPaths(machineCpus),
      ...engineLimits(spec),
      Ulimits: [
        { Name: 'nofile', Soft: spec.openFiles, Hard: spec.openFiles * 4 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      IpcMode: 'private',
      ShmSize: spec.shmBytes,
      ...(sysctls ? { Sysctls: SOCKET_BUFFERS } : {}),
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
      Tmpfs: Object.fromEntries(tmpfs),
      Mounts: mounts,
      // If the host runs out of memory, sandboxes are killed before the user's programs.
      OomScoreAdj: 500,
      ...(spec.runtime === undefined ? {} : { Runtime: spec.runtime }),
    },
  };
}

function tmpfsOptions({ bytes, inodes, mode, owner }: Tmpfs): string {
  const rights = `mode=${mode.toString(8)}${owner ? `,uid=${owner.uid},gid=${owner.gid}` : ''}`;
  return `rw,exec,nosuid,nodev,size=${bytes},nr_inodes=${inodes},${rights}`;
}

export function engineLimits({ memoryBytes, cpus, pids, cpuset }: RunningLimits) {
  return {
    Memory: memoryBytes,
    // MemorySwap equals Memory, which disables swap.
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: pids,
    ...(cpuset === undefined ? {} : { CpusetCpus: cpuset }),
  };
}
