/** TypeScript and the dashboard to dist/: each is made when a source file or a setting of it changed since the last time. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, listFiles, readStamp, writeStamp } from './fingerprint.mjs';
import { inProject, ROOT } from './paths.mjs';
import { run } from './run.mjs';

const SRC = inProject('src');
const DIST = inProject('dist');
const DASHBOARD = { sources: path.join(SRC, 'dashboard'), output: path.join(DIST, 'dashboard') };
const LOCKFILE = inProject('package-lock.json');
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json'].map((name) => inProject(name));

/** The outputs of the build, each with its sources and its command. */
const LIBRARY = {
  stamp: path.join(DIST, '.build-stamp'),
  files: () => [...sourceFiles(), ...SETTINGS, LOCKFILE],
  command: ['typescript/bin/tsc', '-p', 'tsconfig.build.json'],
};
const PAGES = {
  // The stamp is beside the directory, because vite empties the directory.
  stamp: path.join(DIST, '.dashboard-stamp'),
  // Its types come from the library, but none of its code does.
  files: () => [...listFiles(DASHBOARD.sources), LOCKFILE],
  command: ['vite/bin/vite.js', 'build', '--config', 'src/dashboard/vite.config.mjs'],
};

/** @returns {boolean} whether dist was made from these very sources */
export function buildReady() {
  return [LIBRARY, PAGES].every(isReady);
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
export async function build(progress, signal) {
  if (!isReady(LIBRARY)) {
    await progress.run('TypeScript', async () => {
      await make(LIBRARY, signal);
      removeOrphans(sourceFiles());
    });
  }
  if (!isReady(PAGES)) await progress.run('dashboard', () => make(PAGES, signal));
}

/** @param {typeof LIBRARY} part */
function isReady({ stamp, files }) {
  return readStamp(stamp) === fingerprint(files());
}

/**
 * @param {typeof LIBRARY} part
 * @param {AbortSignal} signal
 */
async function make({ stamp, files, command: [script, ...args] }, signal) {
  const before = fingerprint(files());
  writeStamp(stamp, undefined);
  await run(process.execPath, [inProject('node_modules', script), ...args], { cwd: ROOT, signal });
  writeStamp(stamp, before);
}

function sourceFiles() {
  return listFiles(SRC).filter((file) => file.endsWith('.ts') && !isBelow(DASHBOARD.sources, file));
}

/**
 * @param {string} directory
 * @param {string} file
 */
const isBelow = (directory, file) => file.startsWith(directory + path.sep);

// The compiler never removes the output of a source file that is gone, and a stale module can still be imported.
/** @param {string[]} files */
function removeOrphans(files) {
  const sources = new Set(files.map((file) => path.relative(SRC, file).replace(/\.ts$/, '')));
  for (const output of listFiles(DIST)) {
    if (isBelow(DASHBOARD.output, output)) continue;
    const name = path.relative(DIST, output);
    const source = name.replace(/\.(d\.ts|js|js\.map|d\.ts\.map)$/, '');
    if (source !== name && !sources.has(source)) rmSync(output);
  }
}
