/** Brings files of the host into a sandbox, wherever that is. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import type { z } from 'zod';
import type { uploadSchema, WriteOptions } from '../config.js';
import { InvalidOptionsError, messageOf, RipcordError } from '../errors.js';
import { hostFileError } from '../workspace/host-error.js';
import { type Manifest, manifestOf } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';
import { transferError } from './operation.js';

export interface UploadReport {
  files: number;
  bytes: number;
  /** What was left out although no pattern said so: links that lead outside, devices, names that are not UTF-8. */
  refused: Refused[];
}

/** What files are brought to. */
export interface UploadTarget {
  write(path: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void>;
  uploadTree(
    directory: string,
    manifest: Manifest,
    to: string,
    options: { signal?: AbortSignal | undefined; user?: string | undefined },
  ): Promise<Omit<UploadReport, 'refused'>>;
}

/** @throws InvalidOptionsError, FileError, RipcordError `file-too-large`, TaskAbortedError */
export async function uploadFromHost(
  target: UploadTarget,
  from: string,
  to: string,
  { ignore, gitignore, maxBytes, maxEntries, ...rest }: z.output<typeof uploadSchema>,
): Promise<UploadReport> {
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
    return { files: 1, bytes: found.size, refused: [] };
  }
  try {
    const { manifest, refused } = await manifestOf(source, {
      hash: false,
      ignore,
      gitignore,
      maxBytes,
      maxEntries,
      portableOnly: true,
      signal: rest.signal,
    } as Parameters<typeof manifestOf>[1]);
    return { ...(await target.uploadTree(source, manifest, to, rest)), refused };
  } catch (error) {
    throw transferError(error, rest.signal, `uploading ${from}`);
  }
}

/** Opened when the first chunk is asked for: nothing has to be closed where it never is. */
async function* hostFile(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw hostFileError(error, 'read', path);
  }
}
