/** Compiles C on the engine, for machines without a compiler. The container is removed afterwards. */

import { catalogImage } from '../../../images/catalog.js';
import { packContext, readContextFiles, toStream } from '../../../images/context.js';
import { type BuildImageOptions, ensureImages } from './build.js';
import type { DockerImages } from './docker-images.js';

const COMPILED_TAG = 'ripcord/compiled:latest';
const OUTPUT = '/compiled';

interface CompileOptions {
  /** Directory of the sources. Arguments below it are rewritten to paths in the container. */
  directory: string;
  /** Arguments of the compiler without `-o`. */
  args: readonly string[];
}

/**
 * Compiles a C program on the engine, for the engine's own processor.
 * @returns the program
 * @throws RipcordError `image-build-failed` with the compiler's messages
 */
export async function compileOnEngine(
  engine: DockerImages,
  { directory, args }: CompileOptions,
  options: BuildImageOptions = {},
): Promise<Buffer> {
  await ensureImages(engine, ['base'], options);
  const inContainer = args.map((arg) => arg.replaceAll(directory, '/source/'));
  const dockerfile = [
    `FROM ${catalogImage('base').tag}`,
    'ARG APT_SOURCES=',
    'RUN ripcord-install gcc libc6-dev',
    'COPY source/ /source/',
    `RUN ${JSON.stringify(['cc', ...inContainer, '-o', OUTPUT])}`,
  ];
  const sources = readContextFiles(directory).filter((file) => /\.[ch]$/.test(file.path));
  const context = packContext([
    { path: 'Dockerfile', content: Buffer.from(`${dockerfile.join('\n')}\n`), mode: 0o644 },
    ...sources.map((file) => ({ ...file, path: `source/${file.path}` })),
  ]);
  context.finalize();
  const id = await engine.build(toStream(context), { tag: COMPILED_TAG, signal: options.signal });
  try {
    return await engine.readFile(id, OUTPUT, options.signal);
  } finally {
    await engine.remove(COMPILED_TAG);
  }
}
