/** Backend for Docker and engines with Docker's API. */
import type Docker from 'dockerode';
import pRetry from 'p-retry';
import { RipcordError } from '../../base/errors.js';
import { livenessOf, parseOwner } from '../../base/owner.js';
import { catalogReference, missingImageHint } from '../../images/catalog.js';
import type { ImageStore } from '../../images/store.js';
import {
  Annotation,
  type Backend,
  type Container,
  type ContainerSpec,
  type EngineFacts,
  type Examination,
  type Extra,
  type Found,
  Label,
  type LaunchOptions,
  type Liveness,
  type Owned,
  type ResolvedImage,
  type RunningLimits,
} from '../backend.js';
import type { Capabilities } from '../capabilities.js';
import { type AgentBinary, ensureAgentVolume, fillAgentVolume, loadAgent } from './agent-volume.js';
import { connectDocker, type DockerConnection } from './connect.js';
import { engineLimits } from './container-config.js';
import { ContainerLauncher } from './container-launcher.js';
import { describeImage } from './describe-image.js';
import { examineEngine } from './doctor/examine-engine.js';
import { type DockerEndpoint, type DockerOrders, resolveEndpoint } from './endpoint.js';
import { engineArchitecture } from './engine-architecture.js';
import { EngineCalls, timed } from './engine-calls.js';
import { isTransient, isUnreachable, statusOf } from './engine-error.js';
import { withoutGhosts } from './ghosts.js';
import { DockerImageStore } from './images/docker-image-store.js';
import { DockerImages } from './images/docker-images.js';
import { instanceFilter, split } from './labels.js';

/** Time limit in milliseconds of a whole removal: an engine under load takes seconds, a broken one never answers. */
const REMOVE_MS = 30_000;
/** Time limit in milliseconds if the engine does not answer at all. The watchdog continues to retry for longer. */
const AWAY_MS = 5000;

export class DockerBackend implements Backend {
  readonly description: string;
  readonly capabilities: Capabilities;
  readonly connection: DockerOrders;
  readonly connectionEnv = ['DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'SSH_AUTH_SOCK'];
  readonly images: ImageStore;
  readonly #connection: DockerConnection;
  readonly #docker: Docker;
  readonly #calls: EngineCalls;
  readonly #launcher: ContainerLauncher;
  readonly #engineImages: DockerImages;
  readonly #resolved = new Map<string, ResolvedImage>();
  readonly #imageFiles = new Map<string, Promise<string>>();
  #arch: EngineFacts['arch'] | undefined;
  #cpus = 0;
  #loaded: AgentBinary | undefined;

  constructor(endpoint: DockerEndpoint) {
    this.connection = { kind: 'docker', endpoint };
    this.description = endpoint.description;
    this.capabilities = capabilitiesOf(endpoint);
    this.#connection = connectDocker(endpoint);
    this.#docker = this.#connection.docker;
    this.#calls = new EngineCalls(endpoint.description);
    this.#engineImages = new DockerImages(this.#docker, endpoint.description);
    this.images = new DockerImageStore(this.#engineImages);
    this.#launcher = new ContainerLauncher({
      docker: this.#docker,
      calls: this.#calls,
      cpus: () => this.#cpus,
      agentVolume: () => this.#agent.volume,
      repairAgent: () => this.#calls.once('bringing the agent to it', () => fillAgentVolume(this.#docker, this.#agent)),
      remove: (name) => this.remove(name),
    });
  }

  /**
   * Finds the engine. Does not connect.
   * @throws RipcordError `engine-not-found`, `endpoint-invalid`
   */
  static open(docker?: Parameters<typeof resolveEndpoint>[0]): DockerBackend {
    return new DockerBackend(resolveEndpoint(docker));
  }

  /** @internal Client for scripts. */
  get docker(): Docker {
    return this.#docker;
  }

  async connect(signal?: AbortSignal): Promise<EngineFacts> {
    const version = await this.#calls.once('asking for its version', () =>
      pRetry(() => timed(() => this.#docker.version()), {
        retries: 4,
        minTimeout: 100,
        maxTimeout: 1000,
        // Do not retry if the socket does not exist.
        shouldRetry: ({ error }) => isTransient(error) && (error as { code?: string }).code !== 'ENOENT',
        signal,
      }),
    );
    const arch = engineArchitecture(version);
    this.#arch = arch;
    const { NCPU, SecurityOptions } = (await this.#calls.retried('asking what it has', () => this.#docker.info())) as {
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

  /** Loads the agent when it is needed, so that a sweep works without a built agent. */
  get #agent(): AgentBinary {
    this.#loaded ??= loadAgent(this.#arch!);
    return this.#loaded;
  }

  async prepare(): Promise<void> {
    await this.#calls.once('bringing the agent to it', () => ensureAgentVolume(this.#docker, this.#agent));
  }

  async resolveImage(reference: string): Promise<ResolvedImage> {
    const full = catalogReference(reference);
    const image = await this.#calls
      .retried('looking up an image', () => this.#docker.getImage(full).inspect())
      .catch((error) => {
        if (statusOf(error.cause) !== 404) throw error;
        throw new RipcordError('image-not-found', `The engine has no image '${full}'`, {
          hint: missingImageHint(reference),
          details: { image: full },
        });
      });
    // Use one object for each image, because environments are composed once for each object.
    const key = `${image.Id} ${full}`;
    const known = this.#resolved.get(key) ?? describeImage(image, full);
    this.#resolved.set(key, known);
    return known;
  }

  imageFile({ id }: ResolvedImage, path: string, instance: string): Promise<string> {
    const key = `${id} ${path}`;
    const known = this.#imageFiles.get(key);
    if (known !== undefined) return known;
    const reading = this.#engineImages
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

  launch(spec: ContainerSpec, options: LaunchOptions): Promise<Container> {
    return this.#launcher.launch(spec, options);
  }

  async resize(id: string, limits: RunningLimits): Promise<void> {
    await this.#calls.retried('changing the limits of a container', (abortSignal) =>
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
    await this.#calls.once('removing a container', () =>
      pRetry(
        async () => {
          await timed((abortSignal) => container.remove({ force: true, v: true, abortSignal })).catch((error) => {
            // 404: the container is gone. 409: a removal is in progress, by AutoRemove or another process.
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
    return this.#calls.retried('looking for a container', () => this.#absent(idOrName));
  }

  async containers(instance?: string): Promise<Found[]> {
    const filters = { label: [instanceFilter(instance)] };
    const found = await this.#calls.retried('listing containers', (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    const listed = found.map((container) => ({
      id: container.Id,
      name: container.Names[0]?.replace(/^\//, '') ?? container.Id,
      ...split(container.Labels),
      state: container.State,
      createdAtMs: container.Created * 1000,
    }));
    return withoutGhosts(listed, (id) => this.isAbsent(id));
  }

  async uidsInUse(): Promise<number[]> {
    const filters = { label: [Label.UID] };
    const found = await this.#calls.retried('listing containers', (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
    return found.map(({ Labels }) => Number(Labels[Label.UID]));
  }

  async extras(instance?: string): Promise<Extra[]> {
    const volumes = await this.#volumes(instance);
    // Include half-built images, which belong to no manager.
    return instance === undefined ? [...volumes, ...(await this.#unfinishedImages())] : volumes;
  }

  async #volumes(instance: string | undefined): Promise<Extra[]> {
    const filters = { label: [instanceFilter(instance)] };
    const found = await this.#calls.retried('listing volumes', () => this.#docker.listVolumes({ filters }));
    return (found.Volumes ?? []).map((volume) => ({
      kind: 'volume' as const,
      id: volume.Name,
      name: volume.Name,
      ...split(volume.Labels),
      createdAtMs: Date.parse((volume as { CreatedAt?: string }).CreatedAt ?? '') || 0,
      remove: () =>
        this.#removed('removing a volume', () => this.#docker.getVolume(volume.Name).remove({ force: true })),
    }));
  }

  async #unfinishedImages(): Promise<Extra[]> {
    const filters = { label: [instanceFilter(undefined)] };
    const found = await this.#calls.retried('listing images', () => this.#docker.listImages({ filters }));
    return found.map((image) => ({
      kind: 'image' as const,
      id: image.Id,
      name: image.RepoTags?.[0] ?? image.Id,
      ...split(image.Labels),
      createdAtMs: image.Created * 1000,
      remove: () => this.#removed('removing an image', () => this.#docker.getImage(image.Id).remove({ force: true })),
    }));
  }

  async #removed(what: string, remove: () => Promise<unknown>): Promise<void> {
    await this.#calls.retried(what, () =>
      remove().catch((error) => (statusOf(error) === 404 ? undefined : Promise.reject(error))),
    );
  }

  /** Checks the owner process. An owner on another machine is `unknown`. */
  async livenessOf({ annotations }: Owned): Promise<Liveness> {
    return livenessOf(parseOwner(annotations[Annotation.OWNER]));
  }

  examine(): Promise<Examination> {
    return examineEngine(this.#docker, { description: this.description, local: this.capabilities.bind });
  }

  async now(): Promise<number> {
    const info = await this.#calls.retried('asking for its clock', () => this.#docker.info());
    return Date.parse((info as { SystemTime: string }).SystemTime);
  }

  close(): void {
    this.#connection.close();
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
}

const capabilitiesOf = ({ local }: DockerEndpoint): Capabilities => ({
  bind: local,
  imageBuild: true,
  imageInspect: true,
  pidsLimit: true,
  inodeLimit: true,
  resize: true,
  reuse: true,
  pause: true,
  network: 'kernel',
  oom: 'process',
  survivesPipeLoss: false,
});
