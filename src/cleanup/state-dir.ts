/** The temp directories: `<root>/<instance>/<sandbox>`, under one root that no other user can have prepared. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, RipcordError } from '../base/errors.js';
import { makeDirectoriesSync } from '../base/make-directories.js';
import { currentOwner, formatOwner, type Owner, parseOwner } from '../base/owner.js';

const OWNER_FILE = 'owner';
const ROOT_ATTEMPTS = 100;
/** Names of instance directories. Other entries of the root do not belong to Ripcord. */
const INSTANCE_NAME = /^[a-z0-9]{16}$/;

/** Returns the root: `stateDir`, else `$RIPCORD_STATE_DIR`, else `<os tmp>/ripcord-<uid>`. */
export function stateRoot(stateDir?: string): string {
  const uid = process.getuid?.() ?? userInfo().username;
  return resolve(stateDir ?? process.env.RIPCORD_STATE_DIR ?? join(tmpdir(), `ripcord-${uid}`));
}

/**
 * Permissions of a root that Ripcord made. The sticky bit distinguishes it from a directory that a user made, which is
 * never removed.
 */
const OWN_ROOT_MODE = 0o1700;

/**
 * Creates the root (mode 0700) if it is missing.
 * @throws RipcordError `state-dir-unsafe` if it is a link, not a directory, or belongs to another user: in a shared
 * /tmp any user can create a directory of that name first
 */
export function openStateRoot(root: string): void {
  const hint = 'Remove it, or set RIPCORD_STATE_DIR to a directory of your own.';
  try {
    const made = makeDirectoriesSync(root, 0o700);
    if (made !== undefined) chmodSync(root, OWN_ROOT_MODE);
  } catch (cause) {
    throw new RipcordError('state-dir-unsafe', `Cannot create the directory ${root}: ${messageOf(cause)}`, {
      hint,
      cause,
    });
  }
  const found = lstatSync(root);
  const uid = process.getuid?.();
  if (!found.isDirectory() || (uid !== undefined && found.uid !== uid)) {
    throw new RipcordError('state-dir-unsafe', `${root} is not a directory of this user`, { hint });
  }
  if (uid !== undefined && (found.mode & 0o077) !== 0) chmodSync(root, 0o700);
}

/** Creates the directory of one manager, with a file that names its owner for the sweep. */
export function makeInstanceDir(root: string, instance: string): string {
  const path = join(root, instance);
  for (let attempt = 1; ; attempt++) {
    try {
      openStateRoot(root);
      mkdirSync(path, { mode: 0o700 });
      break;
    } catch (error) {
      // Another orchestrator found the root empty and removed it in between.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ROOT_ATTEMPTS) throw error;
    }
  }
  writeFileSync(join(path, OWNER_FILE), formatOwner(currentOwner()));
  return realpathSync(path);
}

/** Creates the temp directory of one sandbox. */
export async function makeSandboxDir(instanceDir: string, sandbox: string): Promise<string> {
  const path = join(instanceDir, sandbox);
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** Returns the instance directories under `root` with their owners. */
export function instanceDirs(root: string): { path: string; instance: string; owner: Owner | undefined }[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return [];
  }
  return names
    .filter((name) => INSTANCE_NAME.test(name))
    .map((name) => {
      const path = join(root, name);
      let owner: Owner | undefined;
      try {
        owner = parseOwner(readFileSync(join(path, OWNER_FILE), 'utf8'));
      } catch {
        // The owner file is missing: the directory is new or partly removed. The sweep decides by its age.
      }
      return { path, instance: name, owner };
    });
}

/** Removes the root if it is empty and Ripcord made it. */
export function closeStateRoot(root: string): void {
  try {
    if ((lstatSync(root).mode & 0o7777) !== OWN_ROOT_MODE) return;
    rmdirSync(root);
  } catch {
    // The root is not empty, or already removed.
  }
}
