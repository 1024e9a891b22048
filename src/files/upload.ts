/** Copies files of the host into a sandbox, local or behind a server. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import type { z } from 'zod';
import { checkText } from '../base/content.js';
import { InvalidOptionsError, messageOf, RipcordError } from '../base/errors.js';
import { hostFileError } from '../base/host-error.js';
import type { Manifest } from '../workspace/manifest.js';
import { manifestOf } from '../workspace/read-manifest.js';
import { type SeedReport, seedReport } from '../workspace/seed-report.js';
import { transferError } from './operation.js';
import type { uploadSchema, WriteOptions } from './options.js';

/** The entries that an upload copied into the sandbox, and those that it left out. */
export type UploadReport = SeedReport;

/** The destination of an upload. */
interface UploadTarget {
  write(path: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>;
  uploadTree(
    directory: string,
    manifest: Manifest,
    to: string,
    options: { signal?: AbortSignal | undefined; user?: string | undefined },
  ): Promise<void>;
}

/**
 * Uploads a file or a directory.
 * @throws InvalidOptionsError, FileError, RipcordError `file-too-large`, TaskAbortedError
 */
export async function uploadFromHost(
  target: UploadTarget,
  from: string,
  to: string,
  { ignore, gitignore, maxBytes, maxEntries, ...rest }: z.output<typeof uploadSchema>,
): Promise<UploadReport> {
  checkText(from, 'files.upload: from');
  checkText(to, 'files.upload: to');
  const source = resolve(from);
  const found = await stat(source).catch((error) => {
    throw new InvalidOptionsError(`files.upload: cannot read ${from}: ${messageOf(error)}`, { cause: error });
  });
  if (!found.isDirectory()) {
    if (!found.isFile()) throw new InvalidOptionsError(`files.upload: ${from} is not a regular file or directory`);
    if (found.size > maxBytes) {
      throw new RipcordError('file-too-large', `${from} has ${found.size} bytes, more than ${maxBytes}`);
    }
    const path = to.endsWith('/') || to === '.' ? posix.join(to, basename(source)) : to;
    await target.write(path, hostFile(source), { ...rest, mode: found.mode & 0o777 });
    return { files: 1, directories: 0, links: 0, bytes: found.size, refused: [], refusedCount: 0 };
  }
  try {
    const found = await manifestOf(source, {
      hash: false,
      ignore,
      gitignore,
      maxBytes,
      maxEntries,
      portableOnly: true,
      keepLinks: true,
      signal: rest.signal,
    } as Parameters<typeof manifestOf>[1]);
    await target.uploadTree(source, found.manifest, to, rest);
    return seedReport(found);
  } catch (error) {
    throw transferError(error, rest.signal, `uploading ${from}`);
  }
}

/**
 * Reads a file of the host. It is opened when the first chunk is requested, so nothing must be closed if it never is.
 */
async function* hostFile(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw hostFileError(error, 'read', path);
  }
}
