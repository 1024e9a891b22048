/** The secret of a server that listens: made once, kept in a file nobody else may read. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InvalidOptionsError, messageOf } from '../errors.js';

const TOKEN_BYTES = 32;

/** Where a file of that name is kept for this user. */
export const configFile = (name: string): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'ripcord', name);

/** @throws InvalidOptionsError when the file cannot be used, or others may read it */
export async function tokenOf(file: string): Promise<string> {
  const path = resolve(file);
  try {
    const made = randomBytes(TOKEN_BYTES).toString('base64url');
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, `${made}\n`, { flag: 'wx', mode: 0o600 });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, messageOf(error), error);
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw unusable(path, 'others may read it; chmod 600');
  const token = (await readFile(path, 'utf8')).trim();
  if (!/^[A-Za-z0-9_-]{43,}$/.test(token)) throw unusable(path, 'it holds no token of 256 bits in base64url');
  return token;
}

function unusable(path: string, why: string, cause?: unknown): InvalidOptionsError {
  return new InvalidOptionsError(`The token file ${path} cannot be used: ${why}`, { cause });
}
