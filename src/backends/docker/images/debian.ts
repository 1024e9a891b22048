/** Provides a Debian base image: from the engine, from a registry, or built on this machine. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { dir } from 'tmp-promise';
import { DEBIAN_ARCHITECTURES } from '../../../base/architecture.js';
import { messageOf, RipcordError } from '../../../base/errors.js';
import { packageFile } from '../../../base/package-files.js';
import type { DockerImages, ImageProgress } from './docker-images.js';

/** Image that is pulled if a registry answers. */
const DEBIAN_IMAGE = 'debian:bookworm-slim';
/** Image that is imported if no registry answers. */
export const LOCAL_DEBIAN_IMAGE = 'ripcord/debian:bookworm';

export interface DebianOptions {
  /**
   * Resolves to the tar file of a root filesystem that is already being built. A registry is used only if that fails.
   */
  rootfs?: () => Promise<string>;
  onProgress?: ImageProgress;
  signal?: AbortSignal;
}

/**
 * Makes sure that the engine has a Debian image to build on, and returns its name. `RIPCORD_BASE_IMAGE` names another
 * one, for example in a company's registry.
 * @throws RipcordError `image-not-found` with both reasons if neither a registry nor this machine can provide one
 */
export async function ensureDebian(engine: DockerImages, options: DebianOptions = {}): Promise<string> {
  const chosen = process.env.RIPCORD_BASE_IMAGE || undefined;
  for (const name of chosen ? [chosen] : [DEBIAN_IMAGE, LOCAL_DEBIAN_IMAGE]) {
    if (await engine.inspect(name)) return name;
  }
  if (options.rootfs && !chosen) {
    try {
      return await importDebian(engine, await options.rootfs(), options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      options.onProgress?.(`Debian could not be put together: ${messageOf(error)}`);
    }
  }
  try {
    options.onProgress?.(`pulling ${chosen ?? DEBIAN_IMAGE}`);
    await engine.pull(chosen ?? DEBIAN_IMAGE, options);
    return chosen ?? DEBIAN_IMAGE;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (chosen) throw error;
    return makeDebian(engine, messageOf(error), options);
  }
}

async function importDebian(engine: DockerImages, tarFile: string, signal?: AbortSignal): Promise<string> {
  await engine.import(createReadStream(tarFile), LOCAL_DEBIAN_IMAGE, signal);
  return LOCAL_DEBIAN_IMAGE;
}

async function makeDebian(engine: DockerImages, pullError: string, options: DebianOptions): Promise<string> {
  options.onProgress?.('no registry answers: putting Debian together from its packages');
  const { path: directory, cleanup } = await dir({ prefix: 'ripcord-debian-', unsafeCleanup: true });
  try {
    const tarFile = path.join(directory, 'root.tar');
    await runRootfsScript(tarFile, DEBIAN_ARCHITECTURES[await engine.architecture()], options.signal);
    return await importDebian(engine, tarFile, options.signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new RipcordError('image-not-found', `No Debian to build on. ${pullError}. ${messageOf(error)}`, {
      hint: `Make a registry reachable, set RIPCORD_BASE_IMAGE to a Debian 12 image the engine can get, or \`docker load\` ${DEBIAN_IMAGE}.`,
      cause: error,
    });
  } finally {
    await cleanup();
  }
}

// Runs the script in its own process. It does not import Ripcord, because the set-up runs it before anything is
// compiled.
function runRootfsScript(tarFile: string, architecture: string, signal?: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [packageFile('scripts/setup/debian-rootfs.mjs'), tarFile, architecture], {
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.trim() || `exit code ${code}`))));
  });
}
