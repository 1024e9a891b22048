/**
 * The seam between Ripcord and what makes containers. Nothing above it knows of an engine's API; nothing below it knows
 * of commands, files or tasks.
 */
import type { Transport } from '../agent/transport.js';
import type { Architecture } from '../base/architecture.js';
import type { ImageStore } from '../images/store.js';
import type { Capabilities } from './capabilities.js';
import type { Finding } from './finding.js';

/** The hostname of every sandbox. */
export const SANDBOX_HOSTNAME = 'sandbox';

/** The most bytes that one end of a connection inside a sandbox holds in each direction. The kernel's defaults are 6 and 4 MiB. */
export const MAX_SOCKET_BUFFER = 256 * 1024;

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
  /** Ids by which containers are found again: letters, digits and `-` only, since an engine may take no other characters. */
  labels: Record<string, string>;
  /** Free text about it. No engine is asked to find a container by it. */
  annotations: Record<string, string>;
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

export interface LaunchOptions {
  /** Longest time in milliseconds of each of the engine's steps. */
  deadlineMs: number;
  signal: AbortSignal | undefined;
  /**
   * Takes the pipe to PID 1's stdin and stdout as soon as there is one: frames wait in it until the agent runs. Called again
   * with a new pipe if the engine had to begin anew; the one before it is of no use then.
   */
  onPipe(pipe: Transport): void;
  /** Called once, when the engine has nothing left to do for this launch, also if an abort ended the waiting for it before. */
  onSettled(): void;
}

/** A container that runs. */
export interface Container {
  readonly id: string;
  readonly name: string;
}

/** Something on the engine that carries the name of its owner. */
export interface Owned {
  id: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  createdAtMs: number;
}

/** A container found on the engine by its labels. */
export interface Found extends Owned {
  /** `running`, `created`, `paused`, `exited`, `dead`, `removing` … */
  state: string;
}

/** Anything else that an owner may leave: volumes, half-built images … */
export interface Extra extends Owned {
  kind: 'volume' | 'image';
  /** Succeeds if it is gone already. */
  remove(): Promise<void>;
}

/** Whether the process that made something still runs; `unknown`: it cannot be asked from here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** The part of a watchdog's orders that names the engine. Plain JSON. */
export interface Connection {
  readonly kind: BackendKind;
}

export type BackendKind = 'docker';

/** The doctor's findings about an engine. */
export interface Examination {
  engine: Finding[];
  /** Whether the agent can be brought to it. */
  agent: Finding;
  /** A runtime that gives each sandbox a kernel of its own, and the kernel of the machine, which it must not be. */
  ownKernel: { runtime: string; hostKernel: string } | undefined;
}

export interface Backend {
  /** The address of the engine, and the source of that address, for people. */
  readonly description: string;
  readonly capabilities: Capabilities;
  /** Everything that another process needs to connect to the same engine. */
  readonly connection: Connection;
  /** The environment variables that finding it takes, besides the usual ones of a process. */
  readonly connectionEnv: readonly string[];
  /** @throws RipcordError `engine-unreachable`, `engine-permission` */
  connect(signal?: AbortSignal): Promise<EngineFacts>;
  /** Makes the engine ready for launches, once: it has the agent then. */
  prepare(): Promise<void>;
  /**
   * Looks an image up. An engine without `capabilities.imageInspect` returns what it was given.
   * @throws RipcordError `image-not-found`
   */
  resolveImage(reference: string): Promise<ResolvedImage>;
  /** A small text file of an image, remembered; empty if it has none. `instance` owns the container that is made to read it. */
  imageFile(image: ResolvedImage, path: string, instance: string): Promise<string>;
  /**
   * Makes a container, connects to its PID 1 and starts it, in whatever order the engine needs.
   * @throws TaskAbortedError, RipcordError; `remove(spec.name)` then removes everything that it has made
   */
  launch(spec: ContainerSpec, options: LaunchOptions): Promise<Container>;
  /** Gives a running container other limits. Only with `capabilities.resize`. */
  resize(id: string, limits: RunningLimits): Promise<void>;
  /** Removes a container by id or name, started or not, and makes sure: resolves when the engine does not know it any more. */
  remove(idOrName: string): Promise<void>;
  /** Resolves to whether the engine does not know the container (any more). */
  isAbsent(idOrName: string): Promise<boolean>;
  /** Containers with the `ripcord.instance` label, of one instance or of all. */
  containers(instance?: string): Promise<Found[]>;
  /** Everything else that an instance, or any, has on the engine. */
  extras(instance?: string): Promise<Extra[]>;
  /** Whether the owner of something lives, as far as this engine can know. */
  livenessOf(item: Owned): Promise<Liveness>;
  /** The values of `ripcord.uid` of all containers, of any orchestrator. */
  uidsInUse(): Promise<number[]>;
  /** Ripcord's own images; `undefined` without `capabilities.imageBuild`. */
  readonly images: ImageStore | undefined;
  /** Examines the engine for the doctor. @throws if it does not answer */
  examine(): Promise<Examination>;
  /** The engine's clock: ages are told by it, since the host's may be another. */
  now(): Promise<number>;
  close(): void;
}

/** The part of a backend that a watchdog uses. */
export type Cleaner = Pick<Backend, 'containers' | 'extras' | 'remove' | 'close'>;

/** Names of labels, by which the engine finds things again. */
export const Label = {
  /** One per orchestrator (manager). */
  INSTANCE: 'ripcord.instance',
  SANDBOX: 'ripcord.sandbox',
  /** The first of the two uids that are the sandbox's own. */
  UID: 'ripcord.uid',
} as const;

/** Names of annotations: free text, which no engine looks for. */
export const Annotation = {
  /** Who made it: host, boot, pid namespace, pid and its start time. */
  OWNER: 'ripcord.owner',
  /** When, in ISO 8601, by the host's clock. */
  CREATED: 'ripcord.created',
  /** The image as it was asked for; the engine itself lists only the id. */
  IMAGE: 'ripcord.image',
} as const;
