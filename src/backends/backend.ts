/**
 * The seam between Ripcord and what makes containers. Nothing above it knows of an engine's API; nothing below it knows
 * of commands, files or tasks.
 */
import type { Transport } from '../agent/transport.js';
import type { Architecture } from '../base/architecture.js';
import type { ImageStatus } from '../images/image-status.js';

/** The hostname of every sandbox. */
export const SANDBOX_HOSTNAME = 'sandbox';

/** What the engine says of itself. */
export interface EngineFacts {
  name: string;
  version: string;
  apiVersion: string;
  /** The architecture containers run on, as the agent is named for it. */
  arch: Architecture;
  os: string;
  kernel: string;
  cpus: number;
  /** It runs containers in a user namespace (rootless, userns-remap), which may not have every uid. */
  mapsUids: boolean;
}

/** An image the engine has. */
export interface ResolvedImage {
  /** Content id: what runs is what was looked up, whatever happens to the tag meanwhile. */
  id: string;
  reference: string;
  /** The name of the image of ours that it is, or was made from. */
  ours: string | undefined;
  /** That image was built from the files of this version. */
  current: boolean;
  env: Record<string, string>;
  /** Absolute paths at which it declares volumes (`VOLUME`). */
  volumes: string[];
  /** Uids to which it gives the name `sandbox`. */
  uids: { first: number; count: number } | undefined;
}

/** A file system in memory. What is in it can be executed. */
export interface Tmpfs {
  path: string;
  bytes: number;
  /** Files, directories and links. */
  inodes: number;
  mode: number;
  /** Default: root. */
  owner: { uid: number; gid: number } | undefined;
}

/** Files of this machine to be seen as /etc/passwd and /etc/group. */
export interface UserFiles {
  passwd: string;
  group: string;
}

/** A container to be made. All of it is decided by the layer above. */
export interface ContainerSpec {
  name: string;
  labels: Record<string, string>;
  image: ResolvedImage;
  memoryBytes: number;
  cpus: number;
  pids: number;
  /** Numbers of the CPUs it may run on, e.g. `0-3,6`; `undefined`: all. */
  cpuset: string | undefined;
  openFiles: number;
  shmBytes: number;
  /** Size of the tmpfs for programs given as text, which only root writes to. */
  programBytes: number;
  /** All that can be written to, with a read-only root. */
  tmpfs: readonly Tmpfs[];
  /** A directory of the host at /workspace. */
  bind: { source: string; readOnly: boolean } | undefined;
  network: 'none' | 'bridge';
  readOnlyRoot: boolean;
  /** Left out where the engine cannot see them. */
  userFiles: UserFiles | undefined;
  runtime: string | undefined;
}

/** What can be changed while a container runs. */
export type RunningLimits = Pick<ContainerSpec, 'memoryBytes' | 'cpus' | 'pids' | 'cpuset'>;

/** A container of ours, made but not started. */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** Connects to PID 1's stdin and stdout; before `start`, or its first words are lost. */
  attach(): Promise<Transport>;
  start(): Promise<void>;
}

/** A container, volume or image found on the engine by its labels. */
export interface Leftover {
  id: string;
  name: string;
  labels: Record<string, string>;
  /** `running`, `created`, `paused`, `exited`, `dead`, `removing` …; `volume`, `image` for those. */
  state: string;
  createdAtMs: number;
}

export interface Backend {
  /** For people: where the engine is and how it was found. */
  readonly description: string;
  /** True where bind mounts name directories of this machine. */
  readonly local: boolean;
  /** What another process needs to connect to the same engine. Plain JSON. */
  readonly connection: object;
  /** @throws RipcordError `engine-unreachable`, `engine-permission` */
  connect(signal?: AbortSignal): Promise<EngineFacts>;
  /** Brings the agent to the engine, once; later calls find it there. */
  prepareAgent(): Promise<void>;
  /** Brings the agent to the engine again, for a volume that was found empty. */
  repairAgent(): Promise<void>;
  /** @throws RipcordError `image-not-found` */
  resolveImage(reference: string): Promise<ResolvedImage>;
  /** A small text file of an image, remembered; empty where it has none. `instance` owns what is made to read it. */
  imageFile(image: ResolvedImage, path: string, instance: string): Promise<string>;
  create(spec: ContainerSpec, deadlineMs: number): Promise<Container>;
  /** Gives a running container other limits. */
  resize(id: string, limits: RunningLimits): Promise<void>;
  /** Removes a container by id or name, started or not, and makes sure: resolves when the engine does not know it any more. */
  remove(idOrName: string): Promise<void>;
  /** Resolves to whether the engine does not know the container (any more). */
  isAbsent(idOrName: string): Promise<boolean>;
  /** Containers with the `ripcord.instance` label, of one instance or of all. */
  containers(instance?: string): Promise<Leftover[]>;
  /** The values of `ripcord.uid` of all containers, of any orchestrator. */
  uidsInUse(): Promise<number[]>;
  volumes(instance?: string): Promise<Leftover[]>;
  removeVolume(name: string): Promise<void>;
  /** Images with the `ripcord.instance` label: what was left by who died while bringing the agent to the engine. */
  images(): Promise<Leftover[]>;
  removeImage(id: string): Promise<void>;
  /** Ripcord's own images and their state in the engine. */
  catalog(): Promise<ImageStatus[]>;
  /** The engine's clock: ages are told by it, since the host's may be another. */
  now(): Promise<number>;
  close(): void;
}

/** Labels every container of ours carries. */
export const Label = {
  /** One per orchestrator (manager). */
  INSTANCE: 'ripcord.instance',
  SANDBOX: 'ripcord.sandbox',
  /** Who made it: host, boot, pid namespace, pid and its start time. */
  OWNER: 'ripcord.owner',
  /** When, in ISO 8601, by the host's clock. */
  CREATED: 'ripcord.created',
  /** The image as it was asked for; the engine itself lists only the id. On images of ours: which one it is. */
  IMAGE: 'ripcord.image',
  /** The first of the two uids that are the sandbox's own. */
  UID: 'ripcord.uid',
  /** On images: the uids, `first-last`, that are called `sandbox`. */
  UIDS: 'ripcord.uids',
  /** On the volume that holds the agent. */
  AGENT: 'ripcord.agent',
} as const;
