/**
 * Sets up everything of a sandbox besides its container: egress proxy, seed, directories, certificates, its own limits.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { abortable, throwIfAborted } from '../base/abort.js';
import { TaskAbortedError } from '../base/errors.js';
import { WORKSPACE } from '../base/places.js';
import { installAuthorities } from '../egress/authorities.js';
import { isPackageEntry, resolvePackages } from '../egress/packages.js';
import { EgressProxy } from '../egress/proxy.js';
import { openEgress } from '../egress/sandbox-egress.js';
import { SandboxFiles } from '../files/sandbox-files.js';
import { stageSeed } from '../workspace/stage.js';
import { beginningOf } from './beginning.js';
import type { Launched, LiveContainer } from './live-container.js';
import type { ResolvedCreateOptions } from './options.js';
import { maxSockets, withSocketWarning } from './socket-limit.js';

/** A proxy on the host, and the variables that make programs in the sandbox use it. */
interface WayOut {
  proxy: EgressProxy;
  env: Record<string, string>;
}

/** Returns the proxy for `options`. Entries such as `@npm` are replaced by the package registries of this machine. */
export async function wayOut(
  { network }: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<WayOut | undefined> {
  if (typeof network !== 'object') return undefined;
  if (!network.allow.some(isPackageEntry)) return { proxy: new EgressProxy(network), env: {} };
  const { allow, env } = await abortable(resolvePackages(network.allow), signal, 'asking for the package registries');
  return { proxy: new EgressProxy({ ...network, allow }), env };
}

/** Connects `way` to the agent. Programs in the sandbox can use it from then on. */
export async function openWay(
  way: WayOut | undefined,
  { client, ready }: Pick<Launched, 'client' | 'ready'>,
): Promise<Launched['egress']> {
  if (way === undefined) return undefined;
  return { proxy: way.proxy, env: { ...way.env, ...(await openEgress(client, ready.capabilities, way.proxy)) } };
}

/** Copies the seed of `options` to the host directory `directory`. */
export async function stage(
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

/**
 * Turns a sandbox of the pool into the one that `options` describe: sets everything that is not fixed when a container
 * is created.
 * @throws TaskAbortedError, RipcordError; SandboxLostError if the container could not be used. Nothing of it is left
 * then.
 */
export async function furnish(
  container: LiveContainer,
  id: string,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  holdMeanwhile(container, id, options);
  let way: WayOut | undefined;
  try {
    const limits = await container.resize(options.limits);
    throwIfAborted(signal, 'preparing a sandbox');
    const { parts } = container;
    const { client, ready } = parts;
    const sockets = maxSockets(options.limits, ready.capabilities);
    const createdAt = new Date();
    client.setLease(options.leaseMs, options.lifetimeMs);
    if (sockets !== parts.maxSockets) client.limitSockets(sockets);
    way = await wayOut(options, signal);
    const egress = await openWay(way, parts);
    const seed = await stage(options, parts.directory, signal);
    const warnings = withSocketWarning(parts.warnings, options.limits, ready.capabilities);
    const begins = beginningOf(parts, egress?.env ?? {}, options);
    container.parts = { ...parts, id, createdAt, limits, seed, egress, begins, maxSockets: sockets, warnings };
    await fill(container, options, signal);
  } catch (error) {
    way?.proxy.close();
    await container.undo(error);
    throw error;
  }
}

/**
 * Fills a new container.
 * @throws the same errors as `furnish`
 */
export async function prepare(
  container: LiveContainer,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  holdMeanwhile(container, container.parts.id, options);
  try {
    await fill(container, options, signal);
  } catch (error) {
    await container.undo(error);
    throw error;
  }
}

/** Starts heartbeats now: uploading a large seed can take longer than the lease. */
function holdMeanwhile(container: LiveContainer, id: string, { leaseMs }: ResolvedCreateOptions): void {
  const silent = (ms: number) => container.condemn({ reason: silence(ms) });
  container.hold({ id, leaseMs, silent, ended: () => {} });
}

/** Returns the reason for giving up a sandbox whose agent does not answer. */
export const silence = (ms: number): string => `it gave no sign of life for ${Math.round(ms / 1000)} s`;

/** Uploads the seed and the certificates of `network.ca`, and creates the initial directories. */
async function fill(
  container: LiveContainer,
  options: ResolvedCreateOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { parts } = container;
  const { seed, begins } = parts;
  if (options.warm) void container.warmUp().catch(() => {});
  const files = new SandboxFiles({
    host: container.host,
    workspace: WORKSPACE,
    user: parts.user,
    base: () => undefined,
  });
  const directories = files.makeDirs(begins.directories, { mode: 0o700, signal });
  const upload = seed && files.uploadTree(seed.directory, seed.staged.manifest, '.', { signal });
  const ca = parts.egress?.proxy.ca;
  const authorities = ca === undefined ? undefined : installAuthorities(files, parts.ready.capabilities, ca, signal);
  const results = await Promise.allSettled([directories, upload, authorities]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  throwIfAborted(signal, 'handing over the sandbox');
}
