/** This package as npm packs it, in a project that has its dependencies and nothing else. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const NAME = 'ripcord-sandbox';

export interface Packed {
  /** The project's directory. */
  directory: string;
  /** The package's paths, as npm lists them. */
  files: string[];
  /** The package where it is installed. */
  installed: string;
}

/** Made once for a test file, and removed after it. */
export function usePackedProject(): Packed {
  const packed: Packed = { directory: '', files: [], installed: '' };
  beforeAll(async () => {
    packed.directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-packed-'));
    packed.installed = path.join(packed.directory, 'node_modules', NAME);
    packed.files = await unpack(packed);
    linkDependencies(path.join(packed.directory, 'node_modules'));
    writeFileSync(path.join(packed.directory, 'package.json'), '{ "name": "project", "private": true }\n');
  }, 120_000);
  afterAll(() => rmSync(packed.directory, { recursive: true, force: true }));
  return packed;
}

async function unpack({ directory, installed }: Packed): Promise<string[]> {
  // The set-up has compiled; what `npm pack` runs before would do so once more.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
  const { stdout } = await run('npm', args, { cwd: ROOT, maxBuffer: 16 << 20 });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', path.join(directory, filename), '-C', installed, '--strip-components=1']);
  return files.map((file) => file.path);
}

/** Links the packages that `npm install` of the file would add: no development dependency, no optional peer. */
function linkDependencies(modules: string): void {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  for (const [place, { dev, devOptional }] of Object.entries(lock.packages)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(place) ?? [];
    if (!name || dev || devOptional || !existsSync(path.join(ROOT, place))) continue;
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(ROOT, place), path.join(modules, name));
  }
}
