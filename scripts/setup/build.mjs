/** TypeScript to dist/: compiled when a source file or a setting changed since the last time. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, listFiles, readStamp, writeStamp } from './fingerprint.mjs';
import { inProject, ROOT } from './paths.mjs';
import { run } from './run.mjs';

const DIST = inProject('dist');
const STAMP = path.join(DIST, '.build-stamp');
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map((name) => inProject(name));

/** @returns {boolean} whether dist was compiled from these very sources */
export function buildReady() {
  return readStamp(STAMP) === fingerprint([...sourceFiles(), ...SETTINGS]);
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
export async function build(progress, signal) {
  await progress.run('TypeScript', async () => {
    const files = sourceFiles();
    const before = fingerprint([...files, ...SETTINGS]);
    writeStamp(STAMP, undefined);
    const compiler = inProject('node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: ROOT, signal });
    removeOrphans(files);
    writeStamp(STAMP, before);
  });
}

function sourceFiles() {
  return listFiles(inProject('src')).filter((file) => file.endsWith('.ts'));
}

// The compiler never removes the output of a source file that is gone, and a stale module can still be imported.
/** @param {string[]} files */
function removeOrphans(files) {
  const sources = new Set(files.map((file) => path.relative(inProject('src'), file).replace(/\.ts$/, '')));
  for (const output of listFiles(DIST)) {
    const name = path.relative(DIST, output);
    const source = name.replace(/\.(d\.ts|js|js\.map|d\.ts\.map)$/, '');
    if (source !== name && !sources.has(source)) rmSync(output);
  }
}
