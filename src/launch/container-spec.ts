/** The container that a sandbox asks for: sizes, limits, labels and file systems. */
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

/** Docker's 64 MiB at the default memory. */
export const shmBytes = ({ shm, memory }: Sizes): number => shm ?? Math.floor(memory / 8);
/** The largest program that `runCode` takes. */
const MAX_PROGRAM = 16 * 1024 ** 2;
/** The size of the tmpfs for programs given as text: it holds two of the largest. */
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
      // The caller's own labels hold any text.
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
    // Egress needs no interface: it goes through the pipe.
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
  // A name says nothing of the uid before the sandbox runs: then what is its user's is everybody's.
  const ofUser = (mode: number) => ({ owner, mode: owner ? mode : 0o1777 });
  const own: Tmpfs[] = [
    { path: HOME, ...sizes.home, ...ofUser(0o700) },
    { path: TMP, ...sizes.tmp, owner: undefined, mode: 0o1777 },
  ];
  if (!isBound) own.unshift({ path: WORKSPACE, ...sizes.workspace, ...ofUser(0o755) });
  // The engine would give the image's volumes the host's disk, without a limit.
  const others = volumes.filter((path) => ![WORKSPACE, HOME, TMP].includes(path));
  const size = volumeSize(limits, others.length);
  return [...others.map((path) => ({ path, ...size, ...ofUser(0o755) })), ...own];
}
