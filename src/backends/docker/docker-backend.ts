/** Containers by a Docker engine (or one that speaks its API). */
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import pRetry from 'p-retry';
import type { Transport } from '../../agent/transport.js';
import { deferred } from '../../base/abort.js';
import { RipcordError } from '../../base/errors.js';
import { catalogReference, IMAGE_LABEL, isCatalogTag, isCurrent, missingImageHint } from '../../images/catalog.js';
import type { ImageStatus } from '../../images/image-status.js';
import {
  type Backend,
  type Container,
  type ContainerSpec,
  type EngineFacts,
  Label,
  type Leftover,
  type ResolvedImage,
  type RunningLimits,
} from '../backend.js';
import { type AgentBinary, ensureAgentVolume, fillAgentVolume, loadAgent } from './agent-volume.js';
import { AttachTransport } from './attach-transport.js';
import { connectDocker, type DockerConnection } from './connect.js';
import { containerConfig, engineLimits } from './container-config.js';
import { type DockerEndpoint, resolveEndpoint } from './endpoint.js';
import { engineArchitecture } from './engine-architecture.js';
import { engineError, engineMessage, isTransient, isUnreachable, statusOf } from './engine-error.js';
import { withoutGhosts } from './ghosts.js';
import { listImages } from './images/build.js';
import { DockerImages } from './images/docker-images.js';

/** Deadlines of single calls. A call that takes longer is lost, not slow. */
const CALL_MS = 15_000;
/** All of a removal: an engine under load takes seconds, a broken one for ever. */
const REMOVE_MS = 30_000;
/** Where nobody answers at all: the watchdog goes on trying for longer than anybody wants to wait. */
const AWAY_MS = 5000;

export class DockerBackend implements Backend {
  readonly description: string;
  readonly local: boolean;
  readonly connection: object;
  readonly #connection: DockerConnection;
  readonly #docker: Docker;
  /** Runtimes that have refused to set the sizes of socket buffers. */
  readonly #withoutSysctls = new Set<string | undefined>();
  /** Whether it can mount files of this machine: not where it runs in another mount namespace. */
  #seesFiles = true;
  readonly #images = new Map<string, ResolvedImage>();
  readonly #imageFiles = new Map<string, Promise<string>>();
  #arch: EngineFacts['arch'] | undefined;
  #cpus = 0;
  #loaded: AgentBinary | undefined;

  constructor(endpoint: DockerEndpoint) {
    this.connection = endpoint;
    this.description = endpoint.description;
    this.local = endpoint.local;
    this.#connection = connectDocker(endpoint);
    this.#docker = this.#connection.docker;
  }

  /** @throws RipcordError `engine-not-found`, `endpoint-invalid` */
  static open(docker?: Parameters<typeof resolveEndpoint>[0]): DockerBackend {
    return new DockerBackend(resolveEndpoint(docker));
  }

  /** For what knows dockerode itself: building images. */
  get docker(): Docker {
    return this.#docker;
  }

  async connect(signal?: AbortSignal): Promise<EngineFacts> {
    const version = await this.#call('asking for its version', () =>
      pRetry(() => timed(() => this.#docker.version()), {
        retries: 4,
        minTimeout: 100,
        maxTimeout: 1000,
        // A socket that is not there will not be there in a second either.
        shouldRetry: ({ error }) => isTransient(error) && (error as { code?: string }).code !== 'ENOENT',
        signal,
      }),
    );
    const arch = engineArchitecture(version);
    this.#arch = arch;
    const { NCPU, SecurityOptions } = (await this.#retried('asking what it has', () => this.#docker.info())) as {
      NCPU: number;
      SecurityOptions?: string[];
    };
    this.#cpus = NCPU;
    return {
      name: version.Components?.[0]?.Name ?? 'Engine',
      version: version.Version,
      apiVersion: version.ApiVersion,
      arch,
      os: version.Os,
      kernel: version.KernelVersion,
      cpus: NCPU,
      mapsUids: (SecurityOptions ?? []).some((option) => /\bname=(rootless|userns)\b/.test(option)),
    };
  }

  /** Read when it is needed: a sweep works without a build. */
  get #agent(): AgentBinary {
    this.#loaded ??= loadAgent(this.#arch!);
    return this.#loaded;
  }

  async prepareAgent(): Promise<void> {
    await this.#call('bringing the agent to it', () => ensureAgentVolume(this.#docker, this.#agent));
  }

  async repairAgent(): Promise<void> {
    await this.#call('bringing the agent to it', () => fillAgentVolume(this.#docker, this.#agent));
  }

  async resolveImage(reference: string): Promise<ResolvedImage> {
    const full = catalogReference(reference);
    const image = await this.#retried('looking up an image', () => this.#docker.getImage(full).inspect()).catch(
      (error) => {
        if (statusOf(error.cause) !== 404) throw error;
        throw new RipcordError('image-not-found', `The engine has no image '${full}'`, {
          hint: missingImageHint(reference),
          details: { image: full },
        });
      },
    );
    // One object for each image, as environments are composed once for each.
    const key = `${image.Id} ${full}`;
    const known = this.#images.get(key) ?? describeImage(image, full);
    this.#images.set(key, known);
    return known;
  }

  imageFile({ id }: ResolvedImage, path: string, instance: string): Promise<string> {
    const key = `${id} ${path}`;
    const known = this.#imageFiles.get(key);
    if (known !== undefined) return known;
    const reading = new DockerImages(this.#docker, this.description)
      .readFile(id, path, undefined, instance)
      .then((content) => content.toString('latin1'))
      .catch((error: RipcordError) => {
        if (error.details.status === 404) return '';
        this.#imageFiles.delete(key);
        throw error;
      });
    this.#imageFiles.set(key, reading);
    return reading;
  }

  async create(spec: ContainerSpec, deadlineMs: number): Promise<Container> {
    const container = await this.#call('creating a container', () =>
      timed((abortSignal) => {
        const { name, ...body } = containerConfig(spec, this.#agent.volume, {
          sysctls: !this.#withoutSysctls.has(spec.runtime),
          userFiles: this.#seesFiles,
          machineCpus: this.#cpus,
        });
        // Apart, or dockerode puts all of it into the URL as well, which proxies refuse for its length (431, 414).
        const apart = { _query: { name }, _body: body, abortSignal };
        return this.#docker.createContainer(apart as Docker.ContainerCreateOptions);
      }, deadlineMs),
    ).catch((error) => {
      throw this.#explained(error, spec);
    });
    return {
      id: container.id,
      name: spec.name,
      attach: () => this.#attach(container),
      start: async () => {
        await this.#call('starting a container', () =>
          timed((abortSignal) => container.start({ abortSignal }), deadlineMs),
        ).catch((error) => {
          throw this.#explained(error, spec);
        });
      },
    };
  }

  async resize(id: string, limits: RunningLimits): Promise<void> {
    await this.#retried('changing the limits of a container', (abortSignal) =>
      this.#docker.getContainer(id).update({ ...engineLimits(limits), abortSignal }),
    );
  }

  async remove(idOrName: string): Promise<void> {
    const container = this.#docker.getContainer(idOrName);
    let awaySince: number | undefined;
    const isAway = (error: unknown) => {
      awaySince = isUnreachable(error) ? (awaySince ?? performance.now()) : undefined;
      return awaySince !== undefined && performance.now() - awaySince > AWAY_MS;
    };
    await this.#call('removing a container', () =>
      pRetry(
        async () => {
          await timed((abortSignal) => container.remove({ force: true, v: true, abortSignal })).catch((error) => {
            // 404: gone. 409: on its way, by AutoRemove or by somebody else.
            if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
          });
          if (!(await this.#absent(idOrName))) throw new Error(`container ${idOrName} is still there`);
        },
        {
          retries: 100,
          minTimeout: 5,
          factor: 1.5,
          maxTimeout: 500,
          maxRetryTime: REMOVE_MS,
          shouldRetry: ({ error }) => !isAway(error),
        },
      ),
    );
  }

  async isAbsent(idOrName: string): Promise<boolean> {
    return this.#retried('looking for a container', () => this.#absent(idOrName));
  }

  async containers(instance?: string): Promise<Leftover[]> {
    const filters = { label: [labelFilter(instance)] };
    const found = await this.#retried('listing containers', (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    const listed = found.map((container) => ({
      id: container.Id,
      name: container.Names[0]?.replace(/^\//, '') ?? container.Id,
      labels: container.Labels,
      state: container.State,
      createdAtMs: container.Created * 1000,
    }));
    return withoutGhosts(listed, (id) => this.isAbsent(id));
  }

  async uidsInUse(): Promise<number[]> {
    const filters = { label: [Label.UID] };
    const found = await this.#retried('listing containers', (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    return found.map(({ Labels }) => Number(Labels[Label.UID]));
  }

  catalog(): Promise<ImageStatus[]> {
    return listImages(new DockerImages(this.#docker, this.description));
  }

  async volumes(instance?: string): Promise<Leftover[]> {
    const filters = { label: [labelFilter(instance)] };
    const found = await this.#retried('listing volumes', () => this.#docker.listVolumes({ filters }));
    return (found.Volumes ?? []).map((volume) => ({
      id: volume.Name,
      name: volume.Name,
      labels: volume.Labels ?? {},
      state: 'volume',
      createdAtMs: Date.parse((volume as { CreatedAt?: string }).CreatedAt ?? '') || 0,
    }));
  }

  async removeVolume(name: string): Promise<void> {
    await this.#retried('removing a volume', () =>
      this.#docker
        .getVolume(name)
        .remove({ force: true })
        .catch((error) => (statusOf(error) === 404 ? undefined : Promise.reject(error))),
    );
  }

  async images(): Promise<Leftover[]> {
    const filters = { label: [labelFilter(undefined)] };
    const found = await this.#retried('listing images', () => this.#docker.listImages({ filters }));
    return found.map((image) => ({
      id: image.Id,
      name: image.RepoTags?.[0] ?? image.Id,
      labels: image.Labels ?? {},
      state: 'image',
      createdAtMs: image.Created * 1000,
    }));
  }

  async removeImage(id: string): Promise<void> {
    await this.#retried('removing an image', () =>
      this.#docker
        .getImage(id)
        .remove({ force: true })
        .catch((error) => (statusOf(error) === 404 ? undefined : Promise.reject(error))),
    );
  }

  async now(): Promise<number> {
    const info = await this.#retried('asking for its clock', () => this.#docker.info());
    return Date.parse((info as { SystemTime: string }).SystemTime);
  }

  close(): void {
    this.#connection.close();
  }

  #explained(error: RipcordError, spec: ContainerSpec): RipcordError {
    const explained = explainCreate(error, spec);
    if (explained.details.withoutSysctls) this.#withoutSysctls.add(spec.runtime);
    if (explained.details.withoutUserFiles) this.#seesFiles = false;
    return explained;
  }

  async #attach(container: Docker.Container): Promise<Transport> {
    const socket = await this.#call('attaching to a container', () =>
      timed((abortSignal) =>
        container.attach({
          stream: true,
          stdin: true,
          stdout: true,
          stderr: true,
          // Without it, closing our side of the connection loses the output that is still on its way.
          hijack: true,
          abortSignal,
        }),
      ),
    );
    return new AttachTransport(socket as unknown as Duplex);
  }

  async #absent(idOrName: string): Promise<boolean> {
    try {
      await timed((abortSignal) => this.#docker.getContainer(idOrName).inspect({ abortSignal }));
      return false;
    } catch (error) {
      if (statusOf(error) === 404) return true;
      throw error;
    }
  }

  /** A call that may be repeated, because it has no effect or the same effect. */
  #retried<T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#call(what, () =>
      pRetry(() => timed(call), {
        retries: 3,
        minTimeout: 100,
        maxTimeout: 1000,
        shouldRetry: ({ error }) => isTransient(error),
      }),
    );
  }

  async #call<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw engineError(error, what, this.description);
    }
  }
}

/** One attempt with a deadline. Not `AbortSignal.timeout`: that would fire later, too, and cut an attached pipe. */
async function timed<T>(attempt: (abortSignal: AbortSignal) => Promise<T>, ms = CALL_MS): Promise<T> {
  const giveUp = new AbortController();
  const late = deferred<never>();
  const timer = setTimeout(() => {
    const error = new DOMException(`no answer within ${ms} ms`, 'TimeoutError');
    late.reject(error);
    giveUp.abort(error);
  }, ms);
  try {
    return await Promise.race([attempt(giveUp.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const labelFilter = (instance: string | undefined): string =>
  instance ? `${Label.INSTANCE}=${instance}` : Label.INSTANCE;

/** The engine's refusals of a create or start that a caller can do something about. */
function explainCreate(error: RipcordError, spec: ContainerSpec): RipcordError {
  const cause = error.cause;
  if (cause === undefined || isUnreachable(cause)) return error;
  const message = engineMessage(cause);
  if (/unknown or invalid runtime|unknown runtime|invalid runtime/i.test(message)) {
    return new RipcordError('runtime-not-found', `The engine has no runtime '${spec.runtime}'`, {
      cause,
      hint: 'Install it and name it in the "runtimes" of the engine\'s daemon.json. `ripcord doctor` lists those it has.',
    });
  }
  if (/no such file or directory|exec format error/i.test(message) && /agent/.test(message)) {
    return new RipcordError('agent-missing', `The agent could not be started: ${message}`, { cause });
  }
  if (spec.userFiles && Object.values(spec.userFiles).some((path) => message.includes(path))) {
    const details = { withoutUserFiles: true };
    return new RipcordError('create-failed', `The engine cannot mount ${message}`, { cause, details });
  }
  if (/sysctl|\/proc\/sys\/net/i.test(message)) {
    const details = { withoutSysctls: true };
    return new RipcordError('create-failed', `The runtime sets no sizes of socket buffers: ${message}`, {
      cause,
      details,
    });
  }
  if (/requested CPUs are not available/i.test(message)) {
    return new RipcordError('create-failed', `The engine has not the CPUs ${spec.cpuset}: ${message}`, {
      cause,
      hint: "Name others in limits.cpuset, e.g. '4-7', or leave it out.",
    });
  }
  if (/no such image/i.test(message)) {
    return new RipcordError('image-not-found', `The image '${spec.image.reference}' was removed meanwhile`, { cause });
  }
  return statusOf(cause) === undefined
    ? error
    : new RipcordError('create-failed', error.message, { cause, details: error.details });
}

function describeImage(image: Docker.ImageInspectInfo, full: string): ResolvedImage {
  const env = (image.Config?.Env ?? []).map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const volumes = Object.keys(image.Config?.Volumes ?? {})
    .map((path) => posix.resolve('/', path))
    .sort();
  const labels = image.Config?.Labels ?? {};
  const ours = labels[IMAGE_LABEL];
  const [first, last] = (labels[Label.UIDS] ?? '').split('-').map(Number);
  // The name decides whether the image is ours: an image made from ours inherits the label, and files of uid 1000.
  const uids = first && last && isCatalogTag(full) ? { first, count: last - first + 1 } : undefined;
  const current = isCurrent(labels);
  return { id: image.Id, reference: full, ours, current, env: Object.fromEntries(env), volumes, uids };
}
