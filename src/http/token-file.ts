/** The file that holds a server's token. */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InvalidOptionsError, messageOf } from '../base/errors.js';
import { makeDirectoriesSync } from '../base/make-directories.js';

const TOKEN_BYTES = 32;

export interface StartToken {
  name: string;
  token: string;
  file: string;
  /** True if the token was just created. Only then is it shown. */
  isNew: boolean;
}

/**
 * Reads the token from `file`. Creates it (mode 0600, 256 random bits) if missing.
 * @throws InvalidOptionsError if other users could read the file
 */
export function openToken(file: string): StartToken {
  const place = { name: 'token', file };
  try {
    makeDirectoriesSync(path.dirname(file), 0o700);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return { ...place, token, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new InvalidOptionsError(`${file} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }
  const handle = openSync(file, 'r');
  try {
    const { mode, uid } = fstatSync(handle);
    if ((mode & 0o077) !== 0 || (process.getuid !== undefined && uid !== process.getuid())) {
      throw new InvalidOptionsError(`${file} can be read by others`, {
        hint: `chmod 600 ${file}, or remove it for a new one.`,
      });
    }
    return { ...place, token: readFileSync(handle, 'utf8').trim(), isNew: false };
  } finally {
    closeSync(handle);
  }
}
