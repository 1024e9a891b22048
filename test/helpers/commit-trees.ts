/** Trees with contents and modes for commit tests, and what commits need of them. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Snapshot } from '../../src/commit/index.js';
import { manifestOf } from '../../src/workspace/read-manifest.js';
import { type Tree, writeTree } from './temp.js';

/** Writes `tree` to a new directory and takes a snapshot. Modes do not depend on the umask of the test's process. */
export async function snapshotOf(directory: string, tree: Tree, modes: Record<string, number> = {}): Promise<Snapshot> {
  mkdirSync(directory, { recursive: true });
  writeTree(directory, tree);
  for (const [name, mode] of Object.entries(modes)) chmodSync(path.join(directory, name), mode);
  return { ...(await manifestOf(directory)), directory };
}

/** Path → kind, mode and content of everything below `directory`. */
export function stateOf(directory: string): Record<string, string> {
  const state: Record<string, string> = {};
  const visit = (relative: string): void => {
    for (const name of readdirSync(path.join(directory, relative)).sort()) {
      const at = path.posix.join(relative, name);
      const full = path.join(directory, at);
      const stats = lstatSync(full);
      const mode = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) state[at] = `link ${readlinkSync(full)}`;
      else if (stats.isDirectory()) {
        state[at] = `directory ${mode}`;
        visit(at);
      } else state[at] = `file ${mode} ${readFileSync(full, 'latin1')}`;
    }
  };
  visit('');
  return state;
}
