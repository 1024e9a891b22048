/**
 * Fetches Node's binary, npm and the TypeScript compiler from the npm registry into a build context, so that neither a
 * Node image nor a download page is needed.
 */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { extract, type Pack } from 'tar-stream';
import { dir } from 'tmp-promise';
import type { Architecture } from '../../../base/architecture.js';
import { messageOf, RipcordError } from '../../../base/errors.js';

const run = promisify(execFile);
const PACK_TIMEOUT_MS = 5 * 60_000;

interface NodeRuntimeOptions {
  major: number;
  /** Version of swc. */
  swc: string;
  architecture: Architecture;
  signal?: AbortSignal;
}

/**
 * Adds `rootfs/usr/local/bin/node`, `rootfs/usr/local/lib/node_modules/npm` and `swc/` to a build context.
 * @throws RipcordError `image-build-failed` if npm is missing or its registry does not answer
 */
export async function addNodeRuntime(context: Pack, options: NodeRuntimeOptions): Promise<void> {
  const { architecture } = options;
  await using download = await temporaryDirectory();
  const [node, npm, swc] = await Promise.all([
    npmPack(`node-linux-${architecture}@${options.major}`, download.path, options.signal),
    npmPack('npm@11', download.path, options.signal),
    npmPack(`@swc/core-linux-${architecture}-gnu@${options.swc}`, download.path, options.signal),
  ]);
  await copyEntries(node, context, (name) => (name === 'bin/node' ? 'rootfs/usr/local/bin/node' : undefined));
  await copyEntries(npm, context, (name) =>
    /^(docs|man)\//.test(name) ? undefined : `rootfs/usr/local/lib/node_modules/npm/${name}`,
  );
  await copyEntries(swc, context, (name) =>
    name.endsWith('.node') ? 'swc/packed.node' : name === 'package.json' ? `swc/${name}` : undefined,
  );
}

async function temporaryDirectory() {
  const { path: directory, cleanup } = await dir({ prefix: 'ripcord-npm-', unsafeCleanup: true });
  return { path: directory, [Symbol.asyncDispose]: cleanup };
}

async function npmPack(spec: string, destination: string, signal?: AbortSignal): Promise<string> {
  try {
    // Use a new directory for each call: two downloads may run at once, and npm prints more than the file name.
    const { stdout } = await run('npm', ['pack', spec, '--json', '--pack-destination', destination], {
      cwd: destination,
      signal,
      timeout: PACK_TIMEOUT_MS,
      shell: process.platform === 'win32',
    });
    const [packed] = JSON.parse(stdout) as [{ filename: string }];
    return path.join(destination, packed.filename);
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr } = error as { stderr?: string };
    throw new RipcordError('image-build-failed', `npm could not fetch ${spec}: ${stderr?.trim() || messageOf(error)}`, {
      hint: 'The node image takes Node from the npm registry. Check `npm ping` and the proxy settings of npm.',
      cause: error,
    });
  }
}

async function copyEntries(tarball: string, context: Pack, rename: (name: string) => string | undefined) {
  const entries = extract();
  entries.on('entry', (header, stream, next) => {
    const name = header.type === 'file' ? rename(header.name.replace(/^[^/]+\//, '')) : undefined;
    if (!name || header.size === undefined) {
      stream.on('end', next);
      stream.resume();
      return;
    }
    const mode = (header.mode ?? 0) & 0o100 ? 0o755 : 0o644;
    stream.on('error', next);
    stream.pipe(context.entry({ name, mode, size: header.size, uid: 0, gid: 0 }, next));
  });
  await pipeline(createReadStream(tarball), createGunzip(), entries);
}
