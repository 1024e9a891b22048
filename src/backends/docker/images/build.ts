/** Builds the images of the catalog, each only if it is missing or out of date. */

import {
  bearsTag,
  type CatalogImage,
  CONTENTS_LABEL,
  catalogImage,
  catalogImages,
  HASH_LABEL,
  IMAGE_LABEL,
  type ImageName,
  imageFiles,
  imageHash,
} from '../../../images/catalog.js';
import { packContext, toStream } from '../../../images/context.js';
import type { ImageManifest, ImageStatus } from '../../../images/image-status.js';
import type { EnsureImagesOptions } from '../../../images/store.js';
import { type DebianOptions, ensureDebian } from './debian.js';
import type { DockerImages, EngineImage } from './docker-images.js';
import { networkBuildArgs } from './network.js';
import { addNodeRuntime } from './node-runtime.js';
import { removeUnfinished, unfinishedTag } from './unfinished.js';

export interface BuildImageOptions extends EnsureImagesOptions, Pick<DebianOptions, 'rootfs'> {}

/**
 * Lists the images of the catalog and their state in the engine.
 * @example
 * for (const image of await listImages(engine)) console.log(image.tag, image.state, image.manifest?.contents)
 */
export async function listImages(engine: DockerImages): Promise<ImageStatus[]> {
  const present = await engine.list(IMAGE_LABEL);
  return catalogImages().map((image) => statusOf(image, present));
}

function statusOf(image: CatalogImage, present: readonly EngineImage[]): ImageStatus {
  const found = present.find((candidate) => bearsTag(candidate.tags, image.tag));
  if (!found) return { ...image, state: 'missing' };
  return {
    ...image,
    state: found.labels[HASH_LABEL] === imageHash(image.name) ? 'ready' : 'stale',
    id: found.id,
    sizeBytes: found.sizeBytes,
    createdAt: found.createdAt,
    manifest: parseManifest(found.labels[CONTENTS_LABEL]),
  };
}

function parseManifest(text: string | undefined): ImageManifest | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ImageManifest);
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that these images exist in the engine and are built from these files. Parents are built first, then the
 * others concurrently.
 * @returns names of the images that had to be built
 */
export async function ensureImages(
  engine: DockerImages,
  names: readonly string[],
  options: BuildImageOptions = {},
): Promise<ImageName[]> {
  const statuses = await listImages(engine);
  const ready = new Set(statuses.filter((image) => image.state === 'ready').map((image) => image.name));
  const wanted = names.map(catalogImage).filter((image) => options.force || !ready.has(image.name));
  if (wanted.length === 0) return [];

  const missing = new Set(wanted.map(({ name }) => name));
  for (const { parent } of wanted) for (const name of ancestors(parent)) if (!ready.has(name)) missing.add(name);
  const built: ImageName[] = [];
  while (missing.size > 0) {
    // Images whose parent is ready.
    const group = [...missing].filter((name) => !missing.has(catalogImage(name).parent as ImageName));
    const results = await Promise.allSettled(group.map((name) => buildImage(engine, name, options)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    for (const name of group) missing.delete(name);
    built.push(...group);
  }
  return built;
}

/** Yields the image itself, its parent, and so on. */
function* ancestors(name: ImageName | undefined): Generator<ImageName> {
  for (let next = name; next !== undefined; next = catalogImage(next).parent) yield next;
}

/**
 * Builds one image. Its parent must exist. The tag moves only when the new image is complete and labelled with its
 * contents, so that an interrupted build leaves the old image in use.
 * @returns id of the image
 * @throws RipcordError `image-build-failed` with the last lines of the build
 */
export async function buildImage(
  engine: DockerImages,
  name: ImageName,
  options: BuildImageOptions = {},
): Promise<string> {
  const image = catalogImage(name);
  const { signal } = options;
  const onProgress = (line: string) => options.onProgress?.(name, line);
  const base = image.parent ? catalogImage(image.parent).tag : await ensureDebian(engine, { ...options, onProgress });

  await removeUnfinished(engine, name);
  const context = packContext(imageFiles(name));
  const { nodeMajor: major, swc } = image;
  const filled =
    major && swc
      ? engine.architecture().then((architecture) => addNodeRuntime(context, { major, swc, architecture, signal }))
      : Promise.resolve();
  const unfinished = unfinishedTag(name);
  const [id] = await Promise.all([
    engine.build(toStream(context), {
      tag: unfinished,
      buildArgs: { BASE: base, ...networkBuildArgs() },
      fresh: options.force,
      onProgress,
      signal,
    }),
    filled.then(
      () => context.finalize(),
      (error: Error) => {
        context.destroy(error);
        throw error;
      },
    ),
  ]);
  try {
    return await labelImage(engine, image, id, unfinished, signal);
  } finally {
    await engine.remove(unfinished);
  }
}

// Adds labels with a second build without steps, because the contents are known only after the first one.
async function labelImage(
  engine: DockerImages,
  image: CatalogImage,
  id: string,
  reference: string,
  signal?: AbortSignal,
): Promise<string> {
  const manifest = await engine.readFile(id, '/etc/ripcord-image.json', signal);
  const dockerfile = { path: 'Dockerfile', content: Buffer.from(`FROM ${reference}\n`), mode: 0o644 as const };
  const context = packContext([dockerfile]);
  context.finalize();
  return engine.build(toStream(context), {
    tag: image.tag,
    labels: {
      [IMAGE_LABEL]: image.name,
      [HASH_LABEL]: imageHash(image.name),
      [CONTENTS_LABEL]: JSON.stringify(JSON.parse(manifest.toString('utf8'))),
    },
    signal,
  });
}
