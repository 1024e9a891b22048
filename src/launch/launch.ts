/** Creates a running sandbox with a filled workspace. If that fails, nothing is left behind. */
import { randomBytes } from 'node:crypto';
import { AgentClient } from '../agent/client.js';
import type { Ready } from '../agent/messages.js';
import type { Transport } from '../agent/transport.js';
import type { ContainerSpec } from '../backends/backend.js';
import { abortable, throwIfAborted, within } from '../base/abort.js';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { WORKSPACE } from '../base/places.js';
import { makeSandboxDir } from '../cleanup/state-dir.js';
import { seedDirectory } from '../workspace/stage.js';
import { beginningOf, imageEnvironment } from './beginning.js';
import { containerSpec, runningLimits } from './container-spec.js';
import type { LaunchContext } from './context.js';
import { beat } from './lease.js';
import { type Launched, LiveContainer } from './live-container.js';
import type { ResolvedCreateOptions } from './options.js';
import { openWay, prepare, stage, wayOut } from './prepare.js';
import { maxSockets, withSocketWarning } from './socket-limit.js';
import { checkBind, ownNames, tenantOf } from './tenant.js';
import { undo } from './undo.js';
import { volumeWarnings } from './warnings.js';

/** Returns the id of a new sandbox. */
export const newId = (): string => randomBytes(6).toString('hex');

/** A request for a container and the sandbox in it. */
interface LaunchRequest {
  id: string;
  options: ResolvedCreateOptions;
  /** True if the container may serve several tasks in turn. */
  resettable: boolean;
  signal: AbortSignal | undefined;
}

/**
 * Starts a container and prepares it for a sandbox.
 * @throws TaskAbortedError, RipcordError. Nothing of the sandbox is left then.
 */
export async function launch(context: LaunchContext, request: LaunchRequest): Promise<LiveContainer> {
  const container = new LiveContainer(await launched(context, request), context);
  await prepare(container, request.options, request.signal);
  return container;
}

/**
 * Retries once with the shared uid, because a user namespace may not map the uids of the range: the runtimes report
 * only 'invalid argument'. If the retry works, sandboxes do not get uids of their own from then on.
 */
async function launched(context: LaunchContext, request: LaunchRequest): Promise<Launched> {
  try {
    return await attempt(context, request);
  } catch (error) {
    const { uidSlots } = context;
    if ((error as RipcordError).code !== 'create-failed' || !uidSlots?.mayBeUnmapped) throw error;
    const made = await attempt({ ...context, uidSlots: undefined }, request);
    uidSlots.disable();
    return made;
  }
}

async function attempt(context: LaunchContext, request: LaunchRequest): Promise<Launched> {
  const { backend } = context;
  const { id, options, signal } = request;
  throwIfAborted(signal, 'creating a sandbox');
  const { workspace } = options;
  // Check the seed before the first call of the engine.
  if (workspace.mode === 'copy' && workspace.seed) seedDirectory(workspace.seed.from);
  const bind = await checkBind(options);
  const way = await wayOut(options, signal);
  const image = await abortable(backend.resolveImage(options.image), signal, 'looking up the image');
  const who = await tenantOf(context, image, options, bind);
  throwIfAborted(signal, 'making a temp directory');
  const directory = await makeSandboxDir(context.instanceDir, id);
  const name = `ripcord-${id}`;
  const staging = stage(options, directory, signal);
  // `staging` may fail before it is awaited. Without a handler, that rejection would end the process.
  staging.catch(() => {});
  let client: AgentClient | undefined;
  let leave = () => {};
  let stopBeating = () => {};
  try {
    throwIfAborted(signal, 'creating a container');
    const limits = runningLimits(options.limits, context.cpuTurn);
    const userFiles = bind && (await ownNames(context, image, who.user, directory, options));
    const spec: ContainerSpec = { ...containerSpec(context, id, name, image, options, who, limits), userFiles };
    const onPipe = (pipe: Transport) => {
      client?.destroy();
      stopBeating();
      client = new AgentClient(pipe, {
        leaseMs: options.leaseMs,
        lifetimeMs: options.lifetimeMs,
        workspace: WORKSPACE,
        defaultUser: who.user,
        resettable: request.resettable,
        modes: spec.tmpfs,
      });
      // Start heartbeats now: READY may arrive long before the engine answers the start, and the upload of a seed takes
      // time.
      stopBeating = beat(client, options.leaseMs);
    };
    leave = await context.gate.acquire(1, signal, 'creating a container');
    const deadlineMs = options.createTimeoutMs;
    const container = await backend.launch(spec, { deadlineMs, signal, onPipe, onSettled: leave });
    // `onPipe` was called before the container ran.
    const agent = client!;
    const ready = await abortable(greeting(agent, who.user, deadlineMs), signal, 'waiting for the agent');
    const imageEnv = imageEnvironment(image, ready.environment);
    const sockets = maxSockets(options.limits, ready.capabilities);
    if (sockets > 0) agent.limitSockets(sockets);
    const egress = await openWay(way, { client: agent, ready });
    const seed = await staging;
    const isNameless = userFiles !== undefined || (who.ownUid !== undefined && options.uids === 'own');
    return {
      id,
      createdAt: new Date(),
      image,
      imageEnv,
      container,
      client: agent,
      ready,
      directory,
      user: who.user,
      isNameless,
      judge: who.ownUid === undefined ? undefined : `${who.ownUid + 1}:${who.ownUid + 1}`,
      seed,
      egress,
      begins: beginningOf({ image, imageEnv, user: who.user, isNameless }, egress?.env ?? {}, options),
      limits,
      maxSockets: sockets,
      warnings: withSocketWarning(
        [...volumeWarnings(image), ...(who.warnings ?? [])],
        options.limits,
        ready.capabilities,
      ),
    };
  } catch (error) {
    way?.proxy.close();
    await Promise.allSettled([staging]);
    await undo(context, name, client, directory, error);
    throw error;
  } finally {
    stopBeating();
    leave();
  }
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
