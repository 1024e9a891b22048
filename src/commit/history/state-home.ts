/** The directory for data that survives a restart: `$XDG_STATE_HOME` of the XDG Base Directory Specification. */
import { chmod, lstat, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { makeDirectories } from '../../base/make-directories.js';

/** Name of the directory in the state home. Other parts of Ripcord store nothing there: their files are temporary. */
const OURS = 'ripcord';

/**
 * Returns `$XDG_STATE_HOME/ripcord`, or `~/.local/state/ripcord`. A value that is not an absolute path is ignored, as
 * the specification requires. Without HOME this throws; it never falls back to a temp directory.
 * @throws Error that gives the reason
 */
export function ownStateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateHome(env), OURS);
}

/**
 * Creates the directory `name` in {@link ownStateDirectory}, readable to this user alone.
 * @throws Error that gives the reason why it cannot be used
 */
export async function makeStateDirectory(name: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return ownDirectory(join(await makeOwnStateDirectory(env), name));
}

/**
 * Creates {@link ownStateDirectory}, readable to this user alone.
 * @throws Error that gives the reason why it cannot be used
 */
export async function makeOwnStateDirectory(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const home = stateHome(env);
  // A missing home directory means that the user does not have one (`/nonexistent`). Root could create it, but must
  // not.
  if (!isNamed(env) && !(await stat(homeOf(env)!).catch(() => undefined))?.isDirectory()) {
    throw new Error(`HOME (${homeOf(env)}) is not a directory, and XDG_STATE_HOME is not set`);
  }
  await makeDirectories(home, 0o700);
  return ownDirectory(join(home, OURS));
}

async function ownDirectory(path: string): Promise<string> {
  await makeDirectories(path, 0o700);
  await makePrivate(path);
  return path;
}

/**
 * Checks the owner before chmod: under sudo with the user's HOME, a link of that user must not make root change other
 * files.
 */
async function makePrivate(path: string): Promise<void> {
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const [entry, directory] = await Promise.all([lstat(path), stat(path)]);
  if (entry.uid !== uid || directory.uid !== uid) throw new Error(`${path} belongs to another user`);
  if ((directory.mode & 0o077) !== 0) await chmod(path, 0o700);
}

function stateHome(env: NodeJS.ProcessEnv): string {
  if (isNamed(env)) return env.XDG_STATE_HOME!;
  const home = homeOf(env);
  if (home === undefined || !isAbsolute(home)) {
    throw new Error('neither XDG_STATE_HOME nor HOME is set to an absolute path');
  }
  return join(home, '.local', 'state');
}

const isNamed = ({ XDG_STATE_HOME }: NodeJS.ProcessEnv): boolean =>
  XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME);

const homeOf = ({ HOME }: NodeJS.ProcessEnv): string | undefined => (process.platform === 'win32' ? homedir() : HOME);
