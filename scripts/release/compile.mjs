/** Compiles programs that use the installed package, with the strictest settings TypeScript has. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { inProject } from '../setup/paths.mjs';

const PACKAGE = 'ripcord-sandbox';

const STRICTEST = {
  target: 'es2022',
  lib: ['es2022'],
  module: 'nodenext',
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/**
 * @param {string} directory the project that has the package in its node_modules; receives the files and a tsconfig.json
 * @param {Record<string, string>} files the programs, by name
 * @param {Record<string, unknown>} [options] compiler options that replace the strictest ones
 * @param {string} [compiler] TypeScript's `bin/tsc`. Default: this project's.
 * @returns {Promise<string[]>} the first line of each error, except those inside other packages
 */
export async function typeErrors(directory, files, options, compiler = inProject('node_modules/typescript/bin/tsc')) {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  const settings = { compilerOptions: { ...STRICTEST, ...options }, files: Object.keys(files) };
  writeFileSync(path.join(directory, 'tsconfig.json'), JSON.stringify(settings));
  const lines = (await outputOf(compiler, directory)).split('\n').filter((line) => /^\S/.test(line));
  return lines.filter((line) => line.includes(PACKAGE) || !line.includes('node_modules'));
}

/**
 * @param {string} compiler
 * @param {string} directory
 * @returns {Promise<string>} the errors of the compiler; nothing if there are none
 */
async function outputOf(compiler, directory) {
  try {
    await promisify(execFile)(process.execPath, [compiler], { cwd: directory, maxBuffer: 16 << 20 });
    return '';
  } catch (error) {
    // A compiler that cannot run writes no type errors.
    const { stdout } = /** @type {{ stdout?: string }} */ (error);
    if (!/\berror TS\d/.test(stdout ?? '')) throw error;
    return stdout ?? '';
  }
}

/**
 * @param {readonly string[]} entries
 * @returns {string} a module that imports each entry as `entry0`, `entry1` …
 */
export const importing = (entries) =>
  entries.map((entry, at) => `import * as entry${at} from '${entry}'\nexport { entry${at} }\n`).join('');
