import { FileError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';

/** Maximum size of a file that is read to the host to pick lines from it or to change a part of it. */
const MAX_FILE_BYTES = 16 * 1024 ** 2;

/**
 * Reads a whole file.
 * @throws FileError with a hint for the model
 */
export async function readWholeFile(sandbox: Sandbox, path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await sandbox.files.read(path, { maxBytes: MAX_FILE_BYTES, signal });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { path: at, errno } = error;
    if (error.code === 'is-a-directory') {
      throw new FileError(error.code, error.message, { cause: error, path: at, errno, hint: 'Name a file in it.' });
    }
    if (error.code !== 'file-too-large') throw error;
    throw new FileError('file-too-large', `${path} is larger than ${MAX_FILE_BYTES / 1024 ** 2} MiB`, {
      cause: error,
      path: at,
      errno,
      hint: 'Use exec on it: head, tail, sed -n, grep.',
    });
  }
}
