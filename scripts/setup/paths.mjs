/** Paths in a checkout, and of programs on this machine. */
import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The project's directory. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** @param {string[]} parts */
export function inProject(...parts) {
  return path.join(ROOT, ...parts);
}

/**
 * Imports a compiled module; there is one only after the build.
 * @param {string} file below dist
 */
export function importCompiled(file) {
  return import(pathToFileURL(inProject('dist', file)).href);
}

/**
 * Whether that module is the program Node was started with, also through a link.
 * @param {string} url the module's `import.meta.url`
 */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}

// A root shell without a login often lacks the directories of system programs.
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** A search path that includes the system directories. */
export function systemPath() {
  const given = (process.env.PATH ?? '').split(path.delimiter);
  return [...given, ...SYSTEM_DIRECTORIES.filter((directory) => !given.includes(directory))].join(path.delimiter);
}

/**
 * Returns the path of a program, or `undefined`.
 * @param {string} name
 */
export function findProgram(name) {
  for (const directory of systemPath().split(path.delimiter)) {
    const candidate = path.join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The program is not in this directory.
    }
  }
  return undefined;
}
