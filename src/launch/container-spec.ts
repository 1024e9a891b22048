/** Builds the specification of a sandbox's container: sizes, limits, labels and file systems. */
import {
  Annotation,
  type ContainerSpec,
  Label,
  type ResolvedImage,
  type RunningLimits,
  type Tmpfs,
} from '../backends/backend.js';
import { currentOwner, formatOwner } from '../base/owner.js';
import { HOME, TMP, WORKSPACE } from '../base/places.js';
import type { LaunchContext } from './context.js';
import type { CpuTurn } from './cpu-turn.js';
import type { ResolvedCreateOptions } from './options.js';
import type { Tenant } from './tenant.js';
import { tmpfsSizes, volumeSize } from './tmpfs-sizes.js';

type Sizes = ResolvedCreateOptions['limits'];

/** Returns the size of /dev/shm. By default that is 64 MiB, as in Docker. */
export const shmBytes = ({ shm, memory }: Sizes): number => shm ?? Math.floor(memory / 8);
/** Maximum size of a program for `runCode`. */
const MAX_PROGRAM = 16 * 1024 ** 2;
/** Returns the size of the tmpfs for programs given as text. It holds two of maximum size. */
export const programBytes = ({ memory }: Sizes): number => Math.min(2 * MAX_PROGRAM, Math.floor(memory / 8));
export const maxProgramBytes = (limits: Sizes): number => Math.min(MAX_PROGRAM, Math.floor(programBytes(limits) / 2));

export function runningLimits({ memory, cpus, pids, cpuset }: Sizes, turn: CpuTurn): RunningLimits {
  return {
    memoryBytes: memory,
    cpus,
    pids,
    cpuset: cpuset === true ? turn.next(Math.ceil(cpus)) : cpuset || undefined,
  };
}

export function containerSpec(
  { instance }: Pick<LaunchContext, 'instance'>,
  id: string,
  name: string,
  image: ResolvedImage,
  options: ResolvedCreateOptions,
  { user, ownUid, bind }: Tenant,
  running: RunningLimits,
): ContainerSpec {
  const { limits } = options;
  return {
    name,
    labels: {
      [Label.INSTANCE]: instance,
      [Label.SANDBOX]: id,
      ...(ownUid === undefined ? {} : { [Label.UID]: String(ownUid) }),
    },
    annotations: {
      // The caller's labels are annotations because they may hold any text.
      ...options.labels,
      [Annotation.OWNER]: formatOwner(currentOwner()),
      [Annotation.CREATED]: new Date().toISOString(),
      [Annotation.IMAGE]: options.image,
    },
    image,
    ...running,
    shmBytes: shmBytes(limits),
    openFiles: limits.openFiles,
    programBytes: programBytes(limits),
    tmpfs: ownTmpfs(limits, user, bind !== undefined, image),
    bind,
    // Egress needs no network interface: it uses the pipe.
    network: options.network === 'bridge' ? 'bridge' : 'none',
    userFiles: undefined,
    readOnlyRoot: options.rootfs === 'read-only',
    runtime: options.runtime,
  };
}

function ownTmpfs(limits: Sizes, user: string, isBound: boolean, { volumes }: ResolvedImage): Tmpfs[] {
  const sizes = tmpfsSizes(limits);
  const [uid, gid] = user.split(':').map(Number);
  const owner = Number.isInteger(uid) ? { uid: uid!, gid: Number.isInteger(gid) ? gid! : uid! } : undefined;
  // If `user` is a name, its uid is unknown until the container runs: make its directories world-writable.
  const ofUser = (mode: number) => ({ owner, mode: owner ? mode : 0o1777 });
  const own: Tmpfs[] = [
    { path: HOME, ...sizes.home, ...ofUser(0o700) },
    { path: TMP, ...sizes.tmp, owner: undefined, mode: 0o1777 },
  ];
  if (!isBound) own.unshift({ path: WORKSPACE, ...sizes.workspace, ...ofUser(0o755) });
  // Mount a tmpfs on each volume of the image: the engine would use the host's disk, without a limit.
  const others = volumes.filter((path) => ![WORKSPACE, HOME, TMP].includes(path));
  const size = volumeSize(limits, others.length);
  return [...others.map((path) => ({ path, ...size, ...ofUser(0o755) })), ...own];
}
