/**
 * Creates directories like `mkdir -p`. Node's own (`recursive: true`) never returns if a directory exists but answers
 * ENOENT to a new name in it, as /proc does: it loops in a thread that no signal reaches (Node 20.20).
 */
import fs from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from './host-error.js';

/**
 * Creates a directory and its missing parents.
 * @returns the topmost directory that was created; undefined if all existed
 * @throws the error of the failed system call; EEXIST if `directory` is not a directory, ENOTDIR if one of its parents
 * is not
 */
export async function makeDirectories(directory: string, mode = 0o777): Promise<string | undefined> {
  const full = path.resolve(directory);
  let first: string | undefined;
  for (const missing of await missingAbove(full)) {
    try {
      await mkdir(missing, { mode });
      first ??= missing;
    } catch (error) {
      // Another process created it meanwhile.
      if (errnoOf(error) !== 'EEXIST' || !(await stat(missing)).isDirectory()) throw error;
    }
  }
  return first;
}

/** Implements {@link makeDirectories} for synchronous code. */
export function makeDirectoriesSync(directory: string, mode = 0o777): string | undefined {
  const full = path.resolve(directory);
  const missing: string[] = [];
  for (let at = full; !isDirectory(fs.statSync(at, { throwIfNoEntry: false }), at, full); at = path.dirname(at))
    missing.push(at);
  let first: string | undefined;
  for (const at of missing.reverse()) {
    try {
      fs.mkdirSync(at, { mode });
      first ??= at;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || !fs.statSync(at).isDirectory()) throw error;
    }
  }
  return first;
}

/** Returns the missing directories, outer ones first. */
async function missingAbove(full: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = full; !isDirectory(await statIfThere(at), at, full); at = path.dirname(at)) missing.push(at);
  return missing.reverse();
}

async function statIfThere(at: string): Promise<fs.Stats | undefined> {
  try {
    return await stat(at);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isDirectory(found: fs.Stats | undefined, at: string, full: string): boolean {
  if (found === undefined) {
    // The root itself is missing.
    if (path.dirname(at) === at)
      throw Object.assign(new Error(`ENOENT: no such directory, '${at}'`), { code: 'ENOENT' });
    return false;
  }
  if (found.isDirectory()) return true;
  const code = at === full ? 'EEXIST' : 'ENOTDIR';
  throw Object.assign(new Error(`${code}: not a directory, '${at}'`), { code });
}
