/** Image operations of the engine: build, pull, import, inspect, list, read one file, remove. */
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { extract } from 'tar-stream';
import type { Architecture } from '../../../base/architecture.js';
import { RipcordError } from '../../../base/errors.js';
import { currentOwner, formatOwner } from '../../../base/owner.js';
import { Annotation, Label } from '../../backend.js';
import { engineArchitecture } from '../engine-architecture.js';
import { engineError, engineMessage } from '../engine-error.js';
import { readProgress } from './image-progress.js';

/** One image as the engine describes it. */
export interface EngineImage {
  id: string;
  tags: string[];
  sizeBytes: number;
  createdAt: Date;
  labels: Record<string, string>;
}

/** Called with each line of a build, or each change of a pull. */
export type ImageProgress = (line: string) => void;

export interface ImageBuildOptions {
  tag: string;
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  /** True to run every step again, without the engine's build cache. */
  fresh?: boolean;
  /** Time limit of the whole build in milliseconds. Default 20 minutes. */
  timeoutMs?: number;
  onProgress?: ImageProgress;
  signal?: AbortSignal;
}

export interface ImagePullOptions {
  /** Time limit in milliseconds for the registry's first answer. Default 15 seconds. */
  firstProgressMs?: number;
  /** Time limit in milliseconds without progress. Default 60 seconds. */
  idleMs?: number;
  onProgress?: ImageProgress;
  signal?: AbortSignal;
}

const BUILD_TIMEOUT_MS = 20 * 60_000;
const CALL_TIMEOUT_MS = 60_000;
const IMPORT_TIMEOUT_MS = 5 * 60_000;
const PULL_FIRST_PROGRESS_MS = 15_000;
const PULL_IDLE_MS = 60_000;

/** The images of one engine. */
export class DockerImages {
  readonly #docker: Docker;

  readonly #endpoint: string;

  /**
   * Creates the image operations.
   * @param endpoint name of the engine in error messages
   */
  constructor(docker: Docker, endpoint: string) {
    this.#docker = docker;
    this.#endpoint = endpoint;
  }

  /**
   * Returns the processor of the engine.
   * @throws RipcordError `engine-error` if Ripcord has no agent for the engine's processor
   */
  async architecture(): Promise<Architecture> {
    const version = await this.#call('asking for its version', () => this.#docker.version(callLimit()));
    return engineArchitecture(version as unknown as Docker.DockerVersion);
  }

  /**
   * Builds an image from a tar stream with a `Dockerfile`, with the engine's own builder: no buildx, no CLI. Steps run
   * in the host's network, which works on engines without a bridge.
   * @returns id of the new image
   * @throws RipcordError `image-build-failed` with the last lines of the build
   */
  async build(context: Readable, options: ImageBuildOptions): Promise<string> {
    const limit = deadline(options.timeoutMs ?? BUILD_TIMEOUT_MS, options.signal);
    const lines: string[] = [];
    let id: string | undefined;
    try {
      const stream = await this.#docker.buildImage(context, {
        t: options.tag,
        buildargs: options.buildArgs ?? {},
        labels: options.labels ?? {},
        networkmode: 'host',
        nocache: options.fresh ?? false,
        rm: true,
        forcerm: true,
        abortSignal: limit,
      });
      for await (const event of readProgress(stream, limit)) {
        id = event.imageId ?? id;
        for (const line of event.lines) {
          lines.push(line);
          if (lines.length > 40) lines.shift();
          options.onProgress?.(line);
        }
      }
      if (!id) throw new Error('the engine named no image');
      return id;
    } catch (error) {
      context.destroy();
      options.signal?.throwIfAborted();
      throw new RipcordError(
        'image-build-failed',
        `Building ${options.tag} failed: ${engineMessage(error)}${tail(lines, 15)}`,
        { cause: error, details: { tag: options.tag, lastLines: lines } },
      );
    }
  }

  /**
   * Pulls an image.
   * @throws RipcordError `image-not-found` if the registry does not answer, does not have the image, or stalls
   */
  async pull(reference: string, options: ImagePullOptions = {}): Promise<void> {
    const stall = new AbortController();
    const limit = options.signal ? AbortSignal.any([options.signal, stall.signal]) : stall.signal;
    const giveUp = (ms: number) =>
      setTimeout(() => stall.abort(new Error(`no progress from the registry for ${ms / 1000} s`)), ms);
    let timer = giveUp(options.firstProgressMs ?? PULL_FIRST_PROGRESS_MS);
    try {
      const stream = await this.#docker.createImage({ ...splitReference(reference), abortSignal: limit });
      for await (const event of readProgress(stream, limit)) {
        clearTimeout(timer);
        timer = giveUp(options.idleMs ?? PULL_IDLE_MS);
        for (const line of event.lines) options.onProgress?.(line);
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      const cause = stall.signal.aborted ? stall.signal.reason : error;
      throw new RipcordError('image-not-found', `Pulling ${reference} failed: ${engineMessage(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Imports a root filesystem's tar stream as an image. */
  async import(rootfs: Readable, tag: string, signal?: AbortSignal): Promise<void> {
    const limit = deadline(IMPORT_TIMEOUT_MS, signal);
    try {
      const stream = await this.#docker.importImage(rootfs, { ...splitReference(tag, 'repo'), abortSignal: limit });
      for await (const _ of readProgress(stream, limit));
    } catch (error) {
      rootfs.destroy();
      signal?.throwIfAborted();
      throw new RipcordError('image-build-failed', `Importing ${tag} failed: ${engineMessage(error)}`, {
        cause: error,
      });
    }
  }

  /** Returns the image with that name or id, or `undefined`. */
  async inspect(reference: string): Promise<EngineImage | undefined> {
    return this.#call('looking up an image', async () => {
      const found = await this.#docker.getImage(reference).inspect(callLimit());
      const image = found as unknown as Docker.ImageInspectInfo;
      return {
        id: image.Id,
        tags: image.RepoTags ?? [],
        sizeBytes: image.Size,
        createdAt: new Date(image.Created),
        labels: image.Config?.Labels ?? {},
      };
    }).catch(absent);
  }

  /** Lists every image that has `label`. */
  list(label: string): Promise<EngineImage[]> {
    return this.#list({ label: [label] });
  }

  /** Lists every image whose name matches that pattern, e.g. `ripcord/*:old`. */
  named(pattern: string): Promise<EngineImage[]> {
    return this.#list({ reference: [pattern] });
  }

  async #list(filters: Record<string, string[]>): Promise<EngineImage[]> {
    const images = await this.#call('listing images', () =>
      this.#docker.listImages({ filters, abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS) }),
    );
    return images.map((image) => ({
      id: image.Id,
      tags: image.RepoTags ?? [],
      sizeBytes: image.Size,
      createdAt: new Date(image.Created * 1000),
      labels: image.Labels ?? {},
    }));
  }

  /** Reads one small file from an image, through a container that is never started. */
  async readFile(
    reference: string,
    path: string,
    signal?: AbortSignal,
    instance: string = 'image-reader',
  ): Promise<Buffer> {
    const limit = deadline(CALL_TIMEOUT_MS, signal);
    return this.#call('reading a file of an image', async () => {
      const container = await this.#docker.createContainer({
        Image: reference,
        Cmd: ['/never-started'],
        NetworkDisabled: true,
        HostConfig: { AutoRemove: true },
        // If this process dies before it removes the container, the labels let a sweep detect it.
        Labels: { [Label.INSTANCE]: instance, [Annotation.OWNER]: formatOwner(currentOwner()) },
        abortSignal: limit,
      });
      try {
        return await firstFile(await container.getArchive({ path, abortSignal: limit }), path);
      } finally {
        await container.remove({ force: true, v: true });
      }
    });
  }

  /** Removes an image's name, and the image if that was its last name. An absent image is a success. */
  async remove(reference: string): Promise<void> {
    await this.#call('removing an image', () => this.#docker.getImage(reference).remove(callLimit())).catch(absent);
  }

  async #call<T>(what: string, call: () => Promise<T> | T): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw engineError(error, what, this.#endpoint);
    }
  }
}

/** Returns undefined for an image that does not exist; throws all other errors. */
function absent(error: RipcordError): undefined {
  if (error.details.status !== 404) throw error;
}

const MAX_FILE_BYTES = 64 * 1024 ** 2;

async function firstFile(archive: NodeJS.ReadableStream, path: string): Promise<Buffer> {
  const entries = extract();
  archive.on('error', (error) => entries.destroy(error));
  archive.pipe(entries);
  try {
    for await (const entry of entries) {
      if (entry.header.type !== 'file') throw new RipcordError('file-not-found', `${path} is no regular file`);
      if ((entry.header.size ?? 0) > MAX_FILE_BYTES) throw new RipcordError('file-too-large', `${path} is too large`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
    throw new RipcordError('file-not-found', `The image has no ${path}`);
  } finally {
    // Destroy the rest of the archive: it would keep the connection and this process open until the deadline.
    (archive as Readable).destroy();
  }
}

/** Splits `debian:bookworm-slim` into the two query parameters of the engine's API. */
function splitReference<Key extends string = 'fromImage'>(reference: string, key = 'fromImage' as Key) {
  const colon = reference.lastIndexOf(':');
  const hasTag = colon > reference.lastIndexOf('/');
  const name = hasTag ? reference.slice(0, colon) : reference;
  return { [key]: name, tag: hasTag ? reference.slice(colon + 1) : 'latest' } as Record<Key | 'tag', string>;
}

function deadline(ms: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

// The types of dockerode lack `abortSignal`, which every call accepts.
function callLimit() {
  return { abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS) } as never;
}

function tail(lines: readonly string[], count: number): string {
  return lines.length === 0
    ? ''
    : `\n${lines
        .slice(-count)
        .map((line) => `    ${line}`)
        .join('\n')}`;
}
