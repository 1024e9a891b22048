/** The temp directories: `<root>/<instance>/<sandbox>`, all under one root that nobody else can have prepared. */
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
/** What instance directories are called: anything else under the root is not ours. */
const INSTANCE_NAME = /^[a-z0-9]{16}$/;

/** `stateDir`, else `$RIPCORD_STATE_DIR`, else `<os tmp>/ripcord-<uid>`. */
export function stateRoot(stateDir?: string): string {
  const uid = process.getuid?.() ?? userInfo().username;
  return resolve(stateDir ?? process.env.RIPCORD_STATE_DIR ?? join(tmpdir(), `ripcord-${uid}`));
}

/** Permissions of a root that Ripcord made. The sticky bit tells it from a directory that a user made: only the former is removed. */
const MADE_HERE = 0o1700;

/**
 * Makes the root (0700) if it is missing.
 * @throws RipcordError `state-dir-unsafe` when it is a link, no directory, or belongs to somebody else: in a shared /tmp anybody can
 * make a directory of that name first.
 */
export function openStateRoot(root: string): void {
  const hint = 'Remove it, or set RIPCORD_STATE_DIR to a directory of your own.';
  try {
    const made = makeDirectoriesSync(root, 0o700);
    if (made !== undefined) chmodSync(root, MADE_HERE);
  } catch (cause) {
    throw new RipcordError('state-dir-unsafe', `${root} cannot be made a directory: ${messageOf(cause)}`, {
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

/** The directory of one manager, with the name of its owner in it for the sweep. */
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

/** The temp directory of one sandbox. */
export async function makeSandboxDir(instanceDir: string, sandbox: string): Promise<string> {
  const path = join(instanceDir, sandbox);
  await mkdir(path, { mode: 0o700 });
  return path;
}

/** The instance directories under `root` and who made them. */
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
        // Made a moment ago, or half removed: the sweep tells by its age.
      }
      return { path, instance: name, owner };
    });
}

/** Removes the root if it is empty and Ripcord made it. */
export function closeStateRoot(root: string): void {
  try {
    if ((lstatSync(root).mode & 0o7777) !== MADE_HERE) return;
    rmdirSync(root);
  } catch {
    // Not empty, or gone already.
  }
}
