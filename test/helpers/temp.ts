import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** Memory where there is enough: ext4 takes minutes for what tens of thousands of files take seconds in tmpfs. */
function fastRoot(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > 1024 ** 3 ? '/dev/shm' : os.tmpdir();
  } catch {
    return os.tmpdir();
  }
}

/** A directory of its own for each test, removed after it. */
export function useTempDirectory(): (...names: string[]) => string {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(fastRoot(), 'ripcord-test-'));
  });
  // Tens of thousands of files on a busy disk take their time.
  afterEach(() => rmSync(directory, { recursive: true, force: true }), 120_000);
  return (...names) => path.join(directory, ...names);
}

/** A tree as an object: text is a file, `link:x` a link to x, an object a directory. */
export interface Tree {
  [name: string]: string | Buffer | Tree;
}

export function writeTree(directory: string, tree: Tree): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, value] of Object.entries(tree)) {
    const file = path.join(directory, name);
    if (typeof value === 'string' && value.startsWith('link:')) symlinkSync(value.slice(5), file);
    else if (typeof value === 'string' || Buffer.isBuffer(value)) writeFileSync(file, value);
    else writeTree(file, value);
  }
  return directory;
}

/** The reverse of {@link writeTree}. */
export function readTree(directory: string): Tree {
  const tree: Tree = {};
  for (const name of readdirSync(directory)) {
    const file = path.join(directory, name);
    const stats = lstatSync(file);
    if (stats.isSymbolicLink()) tree[name] = `link:${readlinkSync(file)}`;
    else if (stats.isDirectory()) tree[name] = readTree(file);
    else tree[name] = stats.isFile() ? readFileSync(file, 'utf8') : '<special>';
  }
  return tree;
}

export function modeOf(file: string): number {
  return lstatSync(file).mode & 0o7777;
}

export function withMode(file: string, mode: number): string {
  chmodSync(file, mode);
  return file;
}
