/** Creates the sandbox of `run` and `shell`, and builds its image if that is one of Ripcord's own and missing. */
import { RipcordError } from '../../base/errors.js';
import { findCatalogImage } from '../../images/catalog.js';
import type { CreateOptions } from '../../launch/options.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import { buildImages } from '../build-images.js';
import type { CliContext, GlobalOptions } from '../context.js';
import { note } from '../failure.js';

/**
 * @param build the option `--build`; on a terminal a missing image is built without it
 * @throws RipcordError `image-not-found` if it may not be built
 */
export async function createSandbox(
  manager: SandboxManager,
  options: CreateOptions,
  build: boolean | undefined,
  globals: GlobalOptions,
  context: CliContext,
): Promise<Sandbox> {
  try {
    return await manager.create(options);
  } catch (error) {
    const own = findCatalogImage(options.image ?? '');
    if (!(error instanceof RipcordError && error.code === 'image-not-found' && own)) throw error;
    if (!build && !process.stderr.isTTY) {
      throw new RipcordError(error.code, error.message, {
        cause: error.cause,
        hint: `Build it: ripcord images build ${own.name}, or give --build.`,
      });
    }
    note(`the engine does not have the image ${own.name} yet: building it, which takes minutes and happens once`);
    await buildImages([own.name], false, globals, context);
    return await manager.create(options);
  }
}
