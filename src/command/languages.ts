/** How each language is run: a program given as text, and a file. */

import { HOME } from '../base/places.js';
import { composeOnce, type Environment } from './environment.js';
import type { Language } from './language-names.js';

/** The agent puts copies of the files that go with interpreters here when a command names this place (program/library.h). */
const LIBRARY_DIR = '/run/ripcord/lib';
const PYTHON_DIR = `${LIBRARY_DIR}/python`;
/** Our images with Python have the same file, compiled: it saves a sixth of the time that a fresh interpreter takes to start. */
const IMAGE_PYTHON_DIR = '/usr/local/lib/ripcord/python';
const PYTHON_IMAGES: ReadonlySet<string | undefined> = new Set(['python', 'agent']);
/** Transforms TypeScript, and finds what lies in the working directory for a program that lies elsewhere. */
const NODE_HOOKS = `${LIBRARY_DIR}/node/program.cjs`;

interface Interpreter {
  /** The file comes last. */
  argv: (file: string) => string[];
  /** The name of the file for a program given as text. */
  file: string;
  /** The image of ours that has it. */
  image: string;
  /**
   * The environment of a program given as text, so that it imports what lies in the directory it starts in.
   * @param current the image is one of ours, built from the files of this version
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

/** sitecustomize.py there takes itself out of it again. */
function withNeighbours(
  env: Environment,
  { ours, current }: { ours: string | undefined; current: boolean },
): Environment {
  const directory = PYTHON_IMAGES.has(ours) && current ? IMAGE_PYTHON_DIR : PYTHON_DIR;
  const add = () => ({ ...env, PYTHONPATH: env.PYTHONPATH ? `${directory}:${env.PYTHONPATH}` : directory });
  return Object.isFrozen(env) ? composeOnce(env, directory, add) : add();
}

/** The language of code for which none is said, by the image of ours that it runs in. */
export const LANGUAGE_OF_IMAGE: Readonly<Record<string, Language>> = { node: 'javascript', shell: 'bash' };

/** @param image the name of one of ours; `undefined`: it is another */
export function languageOfImage(image: string | undefined): Language {
  return LANGUAGE_OF_IMAGE[image ?? ''] ?? 'python';
}

/**
 * The prefix of `npm install -g` in sandboxes of our images with Node and of images made from it. It can be written to, and its
 * programs are on PATH. The image does not set it, because a Dockerfile that builds on it installs into the system.
 */
const NPM_PREFIX = `${HOME}/.local`;
/** Variables that our images get in addition to their own, by the images' names. */
export const IMAGE_ENV: Readonly<Record<string, Environment>> = {
  node: { npm_config_prefix: NPM_PREFIX },
  agent: { npm_config_prefix: NPM_PREFIX },
};
/** Directories made in a new sandbox: npm fails to list what is in a prefix that is not there. */
export const IMAGE_DIRS: Readonly<Record<string, readonly string[]>> = {
  node: [`${NPM_PREFIX}/lib`],
  agent: [`${NPM_PREFIX}/lib`],
};

/** In every sandbox, unless its image or its creator says otherwise. */
export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  // Output is seen as it comes, and is there when the program is killed.
  PYTHONUNBUFFERED: '1',
};
