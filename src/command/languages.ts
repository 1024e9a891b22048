/** How to run each language: a program given as text, or a file. */

import { HOME } from '../base/places.js';
import { composeOnce, type Environment } from './environment.js';
import type { Language } from './language-names.js';

/**
 * Directory into which the agent copies the interpreters' support files when a command names it (program/library.h).
 */
const LIBRARY_DIR = '/run/ripcord/lib';
const PYTHON_DIR = `${LIBRARY_DIR}/python`;
/** Our images with Python have the same file compiled, which saves a sixth of the start time of a fresh interpreter. */
const IMAGE_PYTHON_DIR = '/usr/local/lib/ripcord/python';
const PYTHON_IMAGES: ReadonlySet<string | undefined> = new Set(['python', 'agent']);
/**
 * Node hooks: they transform TypeScript, and resolve modules from the working directory for a program stored elsewhere.
 */
const NODE_HOOKS = `${LIBRARY_DIR}/node/program.cjs`;

interface Interpreter {
  /** Argument list; the file comes last. */
  argv: (file: string) => string[];
  /** File name for a program given as text. */
  file: string;
  /** Ripcord's image that has the interpreter. */
  image: string;
  /**
   * Returns the environment for a program given as text, so that it can import modules from its working directory.
   * @param current True if the image is one of ours, built from the files of this version.
   */
  environment: (env: Environment, image: { ours: string | undefined; current: boolean }) => Environment;
}

const asItIs = (env: Environment) => env;
const node = (file: string) => ['node', '--require', NODE_HOOKS, file];

export const INTERPRETERS: Record<Language, Interpreter> = {
  python: { file: 'main.py', image: 'python', argv: (file) => ['python3', file], environment: withNeighbours },
  javascript: { file: 'main.js', image: 'node', argv: node, environment: asItIs },
  typescript: { file: 'main.ts', image: 'node', argv: node, environment: asItIs },
  bash: { file: 'main.sh', image: 'shell', argv: (file) => ['bash', file], environment: asItIs },
};

/** Adds the directory of our sitecustomize.py to PYTHONPATH. The script removes that entry again. */
function withNeighbours(
  env: Environment,
  { ours, current }: { ours: string | undefined; current: boolean },
): Environment {
  const directory = PYTHON_IMAGES.has(ours) && current ? IMAGE_PYTHON_DIR : PYTHON_DIR;
  const add = () => ({ ...env, PYTHONPATH: env.PYTHONPATH ? `${directory}:${env.PYTHONPATH}` : directory });
  return Object.isFrozen(env) ? composeOnce(env, directory, add) : add();
}

/** Default language of code, by Ripcord's image that runs it. */
export const LANGUAGE_OF_IMAGE: Readonly<Record<string, Language>> = { node: 'javascript', shell: 'bash' };

/**
 * Returns the default language of an image.
 * @param image The name of a Ripcord image; `undefined` for another image.
 */
export function languageOfImage(image: string | undefined): Language {
  return LANGUAGE_OF_IMAGE[image ?? ''] ?? 'python';
}

/**
 * The prefix of `npm install -g` in sandboxes of our node image and of images built from it. It is writable, and its
 * programs are on PATH. The image does not set it, because a Dockerfile that builds on the image installs into the
 * system.
 */
const NPM_PREFIX = `${HOME}/.local`;
/** Variables added to the environment of Ripcord's images, by image name. */
export const IMAGE_ENV: Readonly<Record<string, Environment>> = {
  node: { npm_config_prefix: NPM_PREFIX },
  agent: { npm_config_prefix: NPM_PREFIX },
};
/** Directories created in a new sandbox: `npm ls -g` fails if its prefix is missing. */
export const IMAGE_DIRS: Readonly<Record<string, readonly string[]>> = {
  node: [`${NPM_PREFIX}/lib`],
  agent: [`${NPM_PREFIX}/lib`],
};

/** Variables set in every sandbox, unless its image or its creator sets them. */
export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  // Output appears at once, and is not lost if the program is killed.
  PYTHONUNBUFFERED: '1',
};
