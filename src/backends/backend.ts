/**
 * Interface between Ripcord and a container engine. Code above it does not use any engine's API. Code below it does not
 * handle commands, files or tasks.
 */
import type { Transport } from '../agent/transport.js';
import type { Architecture } from '../base/architecture.js';
import type { ImageStore } from '../images/store.js';
import type { Capabilities } from './capabilities.js';
import type { Finding } from './finding.js';

/** Hostname of every sandbox. */
export const SANDBOX_HOSTNAME = 'sandbox';

/**
 * Maximum number of bytes that one end of a connection inside a sandbox buffers in each direction. The kernel's
 * defaults are 6 and 4 MiB.
 */
export const MAX_SOCKET_BUFFER = 256 * 1024;

/** Facts that the engine reports about itself. */
export interface EngineFacts {
  name: string;
  version: string;
  apiVersion: string;
  /** Architecture of containers, in the spelling of the agent's file name. */
  arch: Architecture;
  os: string;
  kernel: string;
  cpus: number;
  /** True if the engine runs containers in a user namespace (rootless, userns-remap), which may not map every uid. */
  mapsUids: boolean;
}

/** An image that the engine has. */
export interface ResolvedImage {
  /**
   * Content id. A container is created by this id, so that it runs the image that was looked up even if the tag has
   * moved since.
   */
  id: string;
  reference: string;
  /** Name of the Ripcord image that it is, or was made from. */
  ours: string | undefined;
  /** True if that image was built from the files of this version. */
  current: boolean;
  /** Absolute paths of the volumes that it declares (`VOLUME`). */
  volumes: string[];
  /** Uids that the image names `sandbox`. */
  uids: { first: number; count: number } | undefined;
}

/** An in-memory file system. Files in it can be executed. */
export interface Tmpfs {
  path: string;
  bytes: number;
  /** Maximum number of files, directories and links. */
  inodes: number;
  mode: number;
  /** Owner of the root directory. If undefined, root. */
  owner: { uid: number; gid: number } | undefined;
}

/** Paths of host files that are mounted as /etc/passwd and /etc/group. */
export interface UserFiles {
  passwd: string;
  group: string;
}

/** Specification of a container. The layer above decides all of it. */
export interface ContainerSpec {
  name: string;
  /** Ids by which containers are found: only letters, digits and `-`, because an engine may refuse other characters. */
  labels: Record<string, string>;
  /** Free text about the container. Engines are never searched for it. */
  annotations: Record<string, string>;
  image: ResolvedImage;
  memoryBytes: number;
  cpus: number;
  pids: number;
  /** Numbers of the CPUs that it may use, e.g. `0-3,6`; `undefined` for all. */
  cpuset: string | undefined;
  openFiles: number;
  shmBytes: number;
  /** Size of the tmpfs for programs given as text. Only root writes to it. */
  programBytes: number;
  /** Writable file systems, with a read-only root. */
  tmpfs: readonly Tmpfs[];
  /** Host directory that is mounted at /workspace. */
  bind: { source: string; readOnly: boolean } | undefined;
  network: 'none' | 'bridge';
  readOnlyRoot: boolean;
  /** User files. They are omitted if the engine cannot access the host's files. */
  userFiles: UserFiles | undefined;
  runtime: string | undefined;
}

/** Limits that can be changed while a container runs. */
export type RunningLimits = Pick<ContainerSpec, 'memoryBytes' | 'cpus' | 'pids' | 'cpuset'>;

export interface LaunchOptions {
  /** Time limit in milliseconds of each step of the engine. */
  deadlineMs: number;
  signal: AbortSignal | undefined;
  /**
   * Receives the pipe to stdin and stdout of PID 1 as soon as it exists. Frames written to it are buffered until the
   * agent runs. If the engine had to start again, it is called with a new pipe, and the previous one is unusable.
   */
  onPipe(pipe: Transport): void;
  /** Called once, when the engine has finished all work for this launch, also if an abort ended the wait before. */
  onSettled(): void;
}

/** A running container. */
export interface Container {
  readonly id: string;
  readonly name: string;
}

/** An object on the engine that is labelled with its owner. */
export interface Owned {
  id: string;
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  createdAtMs: number;
}

/** A container that was found by its labels. */
export interface Found extends Owned {
  /** State of the container: `running`, `created`, `paused`, `exited`, `dead`, `removing` … */
  state: string;
}

/** Another leftover of an owner: a volume, a half-built image … */
export interface Extra extends Owned {
  kind: 'volume' | 'image';
  /** Removes the object. Succeeds if it does not exist. */
  remove(): Promise<void>;
}

/** State of the owner process; `unknown` if it cannot be checked from this machine. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** The part of a watchdog's input that identifies the engine. Plain JSON. */
export interface Connection {
  readonly kind: BackendKind;
}

export type BackendKind = 'docker';

/** Findings of the doctor about an engine. */
export interface Examination {
  engine: Finding[];
  /** Finding that tells if the agent can be installed on the engine. */
  agent: Finding;
  /** A runtime that gives each sandbox its own kernel, and the version of the host kernel, which must differ. */
  ownKernel: { runtime: string; hostKernel: string } | undefined;
}

export interface Backend {
  /** Address of the engine and the source of that address, for humans. */
  readonly description: string;
  readonly capabilities: Capabilities;
  /** Data that another process needs to connect to the same engine. */
  readonly connection: Connection;
  /** Environment variables that are needed to find the engine, besides the usual ones of a process. */
  readonly connectionEnv: readonly string[];
  /**
   * Connects to the engine.
   * @throws RipcordError `engine-unreachable`, `engine-permission`
   */
  connect(signal?: AbortSignal): Promise<EngineFacts>;
  /** Prepares the engine for launches, once: installs the agent. */
  prepare(): Promise<void>;
  /**
   * Looks up an image. An engine without `capabilities.imageInspect` returns its input.
   * @throws RipcordError `image-not-found`
   */
  resolveImage(reference: string): Promise<ResolvedImage>;
  /**
   * Returns a small text file of an image, cached; empty if the image does not have it. `instance` owns the container
   * that is created to read it.
   */
  imageFile(image: ResolvedImage, path: string, instance: string): Promise<string>;
  /**
   * Creates a container, connects to its PID 1 and starts it, in the order that the engine needs.
   * @throws TaskAbortedError, RipcordError. `remove(spec.name)` then removes everything that was created.
   */
  launch(spec: ContainerSpec, options: LaunchOptions): Promise<Container>;
  /** Changes the limits of a running container. Only with `capabilities.resize`. */
  resize(id: string, limits: RunningLimits): Promise<void>;
  /** Removes a container by id or name, started or not. Resolves when the engine reports that it does not exist. */
  remove(idOrName: string): Promise<void>;
  /** Resolves to true if the container does not exist (any more). */
  isAbsent(idOrName: string): Promise<boolean>;
  /** Lists the containers with the `ripcord.instance` label, of one instance or of all. */
  containers(instance?: string): Promise<Found[]>;
  /** Lists all other objects of an instance, or of all instances, on the engine. */
  extras(instance?: string): Promise<Extra[]>;
  /** Returns if the owner of an object is alive, as far as this engine can determine it. */
  livenessOf(item: Owned): Promise<Liveness>;
  /** Returns the `ripcord.uid` values of all containers, of any orchestrator. */
  uidsInUse(): Promise<number[]>;
  /** Store of Ripcord's own images; `undefined` without `capabilities.imageBuild`. */
  readonly images: ImageStore | undefined;
  /**
   * Examines the engine for the doctor.
   * @throws if the engine does not answer
   */
  examine(): Promise<Examination>;
  /** Returns the time of the engine's clock. Ages are computed from it, because the host's clock may differ. */
  now(): Promise<number>;
  close(): void;
}

/** Part of a backend that a watchdog uses. */
export type Cleaner = Pick<Backend, 'containers' | 'extras' | 'remove' | 'close'>;

/** Names of the labels by which objects on the engine are found. */
export const Label = {
  /** Id of the manager. */
  INSTANCE: 'ripcord.instance',
  SANDBOX: 'ripcord.sandbox',
  /** First of the two uids that belong to this sandbox alone. */
  UID: 'ripcord.uid',
} as const;

/** Names of annotations: free text, by which objects are never searched. */
export const Annotation = {
  /** Owner process: host, boot, pid namespace, pid and start time. */
  OWNER: 'ripcord.owner',
  /** Creation time in ISO 8601, by the host's clock. */
  CREATED: 'ripcord.created',
  /** Image as given to `create()`. The engine itself lists only the id. */
  IMAGE: 'ripcord.image',
} as const;
