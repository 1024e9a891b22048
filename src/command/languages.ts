/** How each language is run: a program given as text, and a file. */
import type { Language } from '../config.js';

/** Where the agent's volume has what goes with interpreters. */
const AGENT_DIR = '/.ripcord';
const PYTHON_DIR = `${AGENT_DIR}/python`;
/** Transforms TypeScript, and finds what lies in the working directory for a program that lies elsewhere. */
const NODE_HOOKS = `${AGENT_DIR}/node/program.cjs`;

export interface Interpreter {
  /** The file comes last. */
  argv: (file: string) => string[];
  /** The name of the file for a program given as text. */
  file: string;
  /** The image of ours that has it. */
  image: string;
  /** The environment of a program given as text, so that it imports what lies in the directory it starts in. */
  environment: (env: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
}

const asItIs = (env: Readonly<Record<string, string>>) => env;
const node = (file: string) => ['node', '--require', NODE_HOOKS, file];

export const INTERPRETERS: Record<Language, Interpreter> = {
  python: { file: 'main.py', image: 'python', argv: (file) => ['python3', file], environment: withNeighbours },
  javascript: { file: 'main.js', image: 'node', argv: node, environment: asItIs },
  typescript: { file: 'main.ts', image: 'node', argv: node, environment: asItIs },
  bash: { file: 'main.sh', image: 'shell', argv: (file) => ['bash', file], environment: asItIs },
};

/** sitecustomize.py there takes itself out of it again. */
function withNeighbours(env: Readonly<Record<string, string>>): Record<string, string> {
  return { ...env, PYTHONPATH: env.PYTHONPATH ? `${PYTHON_DIR}:${env.PYTHONPATH}` : PYTHON_DIR };
}

/** The language of code for which none is said, by the image of ours that it runs in. */
export const LANGUAGE_OF_IMAGE: Readonly<Record<string, Language>> = { node: 'javascript', shell: 'bash' };

/** @param image the name of one of ours; `undefined`: it is another */
export function languageOfImage(image: string | undefined): Language {
  return LANGUAGE_OF_IMAGE[image ?? ''] ?? 'python';
}

/** In every sandbox, unless its image or its creator says otherwise. */
export const DEFAULT_ENV: Readonly<Record<string, string>> = {
  LANG: 'C.UTF-8',
  // Output is seen as it comes, and is there when the program is killed.
  PYTHONUNBUFFERED: '1',
};
