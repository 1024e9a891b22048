/** From options to a running sandbox with its workspace filled — or to nothing at all. */
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AgentClient } from '../agent/client.js';
import type { Ready } from '../agent/messages.js';
import type {
  Backend,
  Container,
  ContainerSpec,
  ResolvedImage,
  RunningLimits,
  Tmpfs,
  UserFiles,
} from '../backends/backend.js';
import { Label } from '../backends/backend.js';
import { abortable, throwIfAborted, within } from '../base/abort.js';
import { InvalidOptionsError, messageOf, RipcordError, TaskAbortedError } from '../base/errors.js';
import { currentOwner, formatOwner } from '../base/owner.js';
import { HOME, TMP, WORKSPACE } from '../base/places.js';
import { removeTree } from '../base/remove-tree.js';
import type { Semaphore } from '../base/semaphore.js';
import { makeSandboxDir } from '../cleanup/state-dir.js';
import { isPackageEntry, resolvePackages } from '../egress/packages.js';
import { EgressProxy } from '../egress/proxy.js';
import { openEgress } from '../egress/sandbox-egress.js';
import { type StagedSeed, seedDirectory, stageSeed } from '../workspace/stage.js';
import type { CpuTurn } from './cpu-turn.js';
import { beat } from './lease.js';
import type { ResolvedCreateOptions } from './options.js';
import { maxSockets, withSocketWarning } from './socket-limit.js';
import { tmpfsSizes, volumeSize } from './tmpfs-sizes.js';
import type { UidSlots } from './uid-slots.js';
import { nameUser } from './user-names.js';
import { rootWarning, type SandboxWarning, volumeWarnings } from './warnings.js';

/** `sandbox` in our images, for who has no uid of its own. */
const SHARED_USER = '1000:1000';

export interface LaunchContext {
  backend: Backend;
  instance: string;
  instanceDir: string;
  /** How many containers are made and started at once. */
  gate: Semaphore;
  /** It may be used by one task after another. */
  resettable: boolean;
  cpuTurn: CpuTurn;
  /** `undefined`: no sandbox has a uid of its own. */
  uidSlots: UidSlots | undefined;
}

/** What a sandbox is made of. */
export interface Launched {
  id: string;
  image: ResolvedImage;
  container: Container;
  client: AgentClient;
  ready: Ready;
  directory: string;
  /** The user commands run as. */
  user: string;
  /** The image has no name for that. */
  isNameless: boolean;
  /** The second uid that is the sandbox's own: verdicts are made as this user. */
  judge: string | undefined;
  seed: { staged: StagedSeed; directory: string } | undefined;
  egress: { proxy: EgressProxy; env: Record<string, string> } | undefined;
  limits: RunningLimits;
  /** That the agent keeps; 0: any number. */
  maxSockets: number;
  warnings: readonly SandboxWarning[];
}

/** An engine can refuse socket sizes and files of this machine, and lack the agent: each is tried without once. */
const REFUSALS = 3;

/** @throws TaskAbortedError, RipcordError; then nothing of the sandbox is left. */
export async function launch(
  context: LaunchContext,
  id: string,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
  retries = REFUSALS,
): Promise<Launched> {
  try {
    return await attempt(context, id, options, signal);
  } catch (error) {
    if (!(error instanceof RipcordError)) throw error;
    // The volume exists but is empty: whoever was filling it died, or is at it right now.
    if (error.code === 'agent-missing') await context.backend.repairAgent();
    // The backend leaves out from now on what the engine or its runtime has refused.
    else if (!error.details.withoutSysctls && !error.details.withoutUserFiles) {
      return shared(context, id, options, signal, error);
    }
    if (retries === 0) throw error;
    return launch(context, id, options, signal, retries - 1);
  }
}

/**
 * Once more with the uid that all share, where a user namespace may lack the uids of the range: runtimes say no more than
 * 'invalid argument'. What then works is taken at once from there on.
 */
async function shared(
  context: LaunchContext,
  id: string,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
  error: RipcordError,
): Promise<Launched> {
  const { uidSlots } = context;
  if (error.code !== 'create-failed' || !uidSlots?.mayBeUnmapped) throw error;
  const launched = await attempt({ ...context, uidSlots: undefined }, id, options, signal);
  uidSlots.disable();
  return launched;
}

async function attempt(
  context: LaunchContext,
  id: string,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<Launched> {
  const { backend } = context;
  throwIfAborted(signal, 'creating a sandbox');
  const { workspace } = options;
  // Said before the engine is asked for anything.
  if (workspace.mode === 'copy' && workspace.seed) seedDirectory(workspace.seed.from);
  const bind = await checkBind(backend, options);
  const way = await wayOut(options, signal);
  const image = await abortable(backend.resolveImage(options.image), signal, 'looking up the image');
  const who = bind ?? (await ownUser(context, image, options)) ?? { user: options.user ?? SHARED_USER };
  throwIfAborted(signal, 'making a temp directory');
  const directory = await makeSandboxDir(context.instanceDir, id);
  const name = `ripcord-${id}`;
  const staging = stage(options, directory, signal);
  // It may fail before anybody waits for it; a rejection without a handler would end the process.
  staging.catch(() => {});
  let client: AgentClient | undefined;
  let leave: (() => void) | undefined;
  let stopBeating: (() => void) | undefined;
  try {
    throwIfAborted(signal, 'creating a container');
    const limits = runningLimits(options.limits, context.cpuTurn);
    const userFiles = bind && (await ownNames(context, image, who.user, directory, options));
    const spec: ContainerSpec = { ...containerSpec(context, id, name, image, options, who, limits), userFiles };
    // Never cut short: only a container whose creation was answered can be removed for certain.
    leave = await context.gate.acquire(1, signal, 'creating a container');
    const container = await backend.create(spec, options.createTimeoutMs);
    throwIfAborted(signal, 'attaching to the container');
    client = new AgentClient(await container.attach(), {
      leaseMs: options.leaseMs,
      lifetimeMs: options.lifetimeMs,
      workspace: WORKSPACE,
      defaultUser: who.user,
      resettable: context.resettable,
      modes: spec.tmpfs,
    });
    // The agent may greet long before the engine says that it runs, and a seed takes its time.
    stopBeating = beat(client, options.leaseMs);
    throwIfAborted(signal, 'starting the container');
    const started = container.start();
    // An abort does not stop the engine from starting it.
    void started.then(leave, leave);
    await abortable(started, signal, 'starting the container');
    const ready = await abortable(greeting(client, who.user, options.createTimeoutMs), signal, 'waiting for the agent');
    const sockets = maxSockets(options.limits, ready.capabilities);
    if (sockets > 0) client.limitSockets(sockets);
    const egress = way && {
      proxy: way.proxy,
      env: { ...way.env, ...(await openEgress(client, ready.capabilities, way.proxy)) },
    };
    const seed = await staging;
    return {
      id,
      image,
      container,
      client,
      ready,
      directory,
      user: who.user,
      isNameless: userFiles !== undefined || (who.ownUid !== undefined && options.uids === 'own'),
      judge: who.ownUid === undefined ? undefined : `${who.ownUid + 1}:${who.ownUid + 1}`,
      seed,
      egress,
      limits,
      maxSockets: sockets,
      warnings: withSocketWarning(
        [...volumeWarnings(image), ...(who.warnings ?? [])],
        options.limits,
        ready.capabilities,
      ),
    };
  } catch (error) {
    await Promise.allSettled([staging]);
    await undo(backend, name, client, directory, error);
    throw error;
  } finally {
    stopBeating?.();
    leave?.();
  }
}

/**
 * Makes a sandbox that was made in advance into what `options` ask for: all that is not decided when a container is made.
 * @throws TaskAbortedError, RipcordError; what it is in then is to be undone.
 */
export async function furnish(
  warm: Launched,
  id: string,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<Launched> {
  throwIfAborted(signal, 'preparing a sandbox');
  const stopBeating = beat(warm.client, options.leaseMs);
  let way: Awaited<ReturnType<typeof wayOut>>;
  try {
    const { capabilities } = warm.ready;
    const sockets = maxSockets(options.limits, capabilities);
    warm.client.setLease(options.leaseMs, options.lifetimeMs);
    if (sockets !== warm.maxSockets) warm.client.limitSockets(sockets);
    way = await wayOut(options, signal);
    const egress = way && {
      proxy: way.proxy,
      env: { ...way.env, ...(await openEgress(warm.client, warm.ready.capabilities, way.proxy)) },
    };
    const seed = await stage(options, warm.directory, signal);
    const warnings = withSocketWarning(warm.warnings, options.limits, capabilities);
    return { ...warm, id, seed, egress, maxSockets: sockets, warnings };
  } catch (error) {
    way?.proxy.close();
    throw error;
  } finally {
    stopBeating();
  }
}

/** The proxy for `options`, with the registries of this machine in place of `@npm` and the like. */
async function wayOut(
  { network }: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<{ proxy: EgressProxy; env: Record<string, string> } | undefined> {
  if (typeof network !== 'object') return undefined;
  if (!network.allow.some(isPackageEntry)) return { proxy: new EgressProxy(network), env: {} };
  const { allow, env } = await abortable(resolvePackages(network.allow), signal, 'asking for the package registries');
  return { proxy: new EgressProxy({ ...network, allow }), env };
}

/** Removes whatever the attempt made; what could not be removed is told with the error. */
export async function undo(
  backend: Backend,
  name: string,
  client: AgentClient | undefined,
  directory: string,
  error: unknown,
): Promise<void> {
  client?.destroy();
  const results = await Promise.allSettled([backend.remove(name), removeTree(directory)]);
  const problems = results.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
  if (problems.length > 0 && error instanceof RipcordError) error.details.leftBehind = problems;
}

async function greeting(client: AgentClient, user: string, timeoutMs: number): Promise<Ready> {
  const ready = await within(client.ready, timeoutMs).catch((error: RipcordError) => {
    if (error.code !== 'invalid-options') throw error;
    throw new InvalidOptionsError(`create: user '${user}': the image has no such user or group`, { cause: error });
  });
  if (ready) return ready;
  throw new RipcordError('create-failed', `The agent did not answer within ${timeoutMs} ms`, {
    hint: 'Is the machine overloaded? Raise createTimeoutMs.',
  });
}

async function stage(
  options: ResolvedCreateOptions,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<Launched['seed']> {
  const seed = options.workspace.mode === 'copy' ? options.workspace.seed : undefined;
  if (!seed) return undefined;
  const into = join(directory, 'seed');
  await mkdir(into, { mode: 0o700 });
  try {
    return { staged: await stageSeed(seed, into, { signal }), directory: into };
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new TaskAbortedError('Aborted while copying the seed', { cause: signal.reason });
  }
}

/** The user that commands run as, and the bind mount for them. */
interface Tenant {
  user: string;
  /** The first of the two uids that are the sandbox's own. */
  ownUid?: number;
  bind?: { source: string; readOnly: boolean };
  warnings?: SandboxWarning[];
}

async function ownUser(
  { uidSlots }: LaunchContext,
  image: ResolvedImage,
  { user, uids }: ResolvedCreateOptions,
): Promise<Tenant | undefined> {
  if (!uidSlots || user !== undefined || uids === 'shared') return undefined;
  if (uids === 'auto' && !uidSlots.namedBy(image)) return undefined;
  const ownUid = await uidSlots.take();
  return ownUid === undefined ? undefined : { user: `${ownUid}:${ownUid}`, ownUid };
}

/** A writable /etc is left alone: a file mounted there would keep root of the sandbox from adding users. */
async function ownNames(
  { backend, instance }: LaunchContext,
  image: ResolvedImage,
  user: string,
  directory: string,
  { rootfs }: ResolvedCreateOptions,
): Promise<UserFiles | undefined> {
  if (rootfs === 'writable') return undefined;
  try {
    return await nameUser(backend, image, user, directory, instance);
  } catch (error) {
    // An image whose passwd file is a link, say: a sandbox without a name is better than none.
    if (!(error instanceof RipcordError)) throw error;
    return undefined;
  }
}

async function checkBind(backend: Backend, options: ResolvedCreateOptions): Promise<Tenant | undefined> {
  const { workspace } = options;
  if (workspace.mode === 'copy') return undefined;
  if (!backend.local) {
    throw new InvalidOptionsError(
      `create: workspace.mode 'bind' needs an engine on this machine; this one is ${backend.description}`,
      {
        hint: "Use mode 'copy' with a seed, and download what changed.",
      },
    );
  }
  const source = resolve(workspace.path);
  const found = await stat(source).catch(() => undefined);
  if (!found?.isDirectory())
    throw new InvalidOptionsError(`create: workspace.path '${workspace.path}' is not a directory`);
  // Files keep their owner: the caller's, or for root the directory's.
  const uid = process.getuid?.() || found.uid;
  const gid = process.getuid?.() ? process.getgid!() : found.gid;
  return {
    user: options.user ?? `${uid}:${gid}`,
    bind: { source, readOnly: workspace.readOnly },
    warnings: options.user === undefined && uid === 0 ? [rootWarning(source)] : [],
  };
}

type Sizes = ResolvedCreateOptions['limits'];

/** Docker's 64 MiB at the default memory. */
export const shmBytes = ({ shm, memory }: Sizes): number => shm ?? Math.floor(memory / 8);
/** The largest program that `runCode` takes. */
const MAX_PROGRAM = 16 * 1024 ** 2;
/** The size of the tmpfs for programs given as text: it holds two of the largest. */
export const programBytes = ({ memory }: Sizes): number => Math.min(2 * MAX_PROGRAM, Math.floor(memory / 8));
export const maxProgramBytes = (limits: Sizes): number => Math.min(MAX_PROGRAM, Math.floor(programBytes(limits) / 2));

/** @internal */
export function runningLimits({ memory, cpus, pids, cpuset }: Sizes, turn: CpuTurn): RunningLimits {
  return {
    memoryBytes: memory,
    cpus,
    pids,
    cpuset: cpuset === true ? turn.next(Math.ceil(cpus)) : cpuset || undefined,
  };
}

function containerSpec(
  context: LaunchContext,
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
      ...options.labels,
      [Label.INSTANCE]: context.instance,
      [Label.SANDBOX]: id,
      [Label.OWNER]: formatOwner(currentOwner()),
      [Label.CREATED]: new Date().toISOString(),
      [Label.IMAGE]: options.image,
      ...(ownUid === undefined ? {} : { [Label.UID]: String(ownUid) }),
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
