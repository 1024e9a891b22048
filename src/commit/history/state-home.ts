/** The place for data that outlives a restart: `$XDG_STATE_HOME` of the XDG Base Directory Specification. */
import { chmod, lstat, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { makeDirectories } from '../../base/make-directories.js';

/** Below the state home. Other parts of Ripcord keep nothing there: what they make is temporary. */
const OURS = 'ripcord';

/**
 * `$XDG_STATE_HOME/ripcord`, else `~/.local/state/ripcord`. A value that is not an absolute path is ignored, as the
 * specification wants it. Without HOME this fails, and never falls back to a temp directory.
 * @throws Error that says why there is none
 */
export function ownStateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateHome(env), OURS);
}

/**
 * Makes the directory `name`, which lies directly in {@link ownStateDirectory}, readable to this user alone.
 * @throws Error that says why it cannot be used
 */
export async function makeStateDirectory(name: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return ownDirectory(join(await makeOwnStateDirectory(env), name));
}

/**
 * Makes {@link ownStateDirectory}, readable to this user alone.
 * @throws Error that says why it cannot be used
 */
export async function makeOwnStateDirectory(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const home = stateHome(env);
  // A home that does not exist is a user without one (`/nonexistent`): root could make it, and should not.
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

/** Under sudo with the user's HOME, a link of that user must not make root write and chmod elsewhere. */
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
