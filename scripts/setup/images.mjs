/** The sandbox images: built by dist/images, asked about without it when there is nothing to build. */

import { adoptAptNetwork } from './apt-network.mjs';
import { askEngine, canAsk } from './engine-api.mjs';
import { importCompiled } from './paths.mjs';

/** @typedef {import('../../src/backends/docker/images/build.js').BuildImageOptions} BuildImageOptions */

/**
 * @param {string} endpoint
 * @param {string[]} names
 * @returns {Promise<boolean>} whether the engine has them all, built from these files
 */
export async function imagesReady(endpoint, names) {
  if (!canAsk(endpoint)) return false;
  const { bearsTag, catalogImage, imageHash, HASH_LABEL, IMAGE_LABEL } = await importCompiled('images/catalog.js');
  const filters = encodeURIComponent(JSON.stringify({ label: [IMAGE_LABEL] }));
  /** @type {{ RepoTags: string[] | null, Labels: Record<string, string> | null }[]} */
  const present = JSON.parse(await askEngine(endpoint, `/images/json?filters=${filters}`));
  return names.every((name) => {
    const found = present.find((image) => bearsTag(image.RepoTags ?? [], catalogImage(name).tag));
    return found?.Labels?.[HASH_LABEL] === imageHash(name);
  });
}

/**
 * @param {string[]} names
 * @param {object} options
 * @param {() => Promise<string>} [options.rootfs] a Debian root filesystem that is already being made
 * @param {import('./progress.mjs').Progress} options.progress
 * @param {AbortSignal} options.signal
 */
export async function buildImages(names, { rootfs, progress, signal }) {
  adoptAptNetwork();
  const [images, { ensureImages }] = await Promise.all([
    openImages(),
    importCompiled('backends/docker/images/build.js'),
  ]);
  await progress.run(names.length === 1 ? `${names[0]} image` : `images ${names.join(', ')}`, (step) =>
    ensureImages(images, names, {
      rootfs,
      signal,
      onProgress: (/** @type {string} */ name, /** @type {string} */ line) => step.say(`${name}: ${line}`),
    }),
  );
}

/**
 * Compiles C sources on the engine, for a machine without a compiler.
 *
 * @param {string} directory
 * @param {string[]} args the compiler's arguments
 * @returns {Promise<Buffer>} the program
 */
export async function compileOnEngine(directory, args) {
  adoptAptNetwork();
  const [images, { compileOnEngine: compile }] = await Promise.all([
    openImages(),
    importCompiled('backends/docker/images/compile.js'),
  ]);
  return compile(images, { directory, args });
}

async function openImages() {
  const { DockerBackend } = await importCompiled('backends/docker/docker-backend.js');
  const { DockerImages } = await importCompiled('backends/docker/images/docker-images.js');
  const backend = DockerBackend.open();
  return new DockerImages(backend.docker, backend.description);
}
