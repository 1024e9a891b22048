/** How `runCode` runs each language. */
import type { Language } from '../config.js';

export interface Interpreter {
  argv: (file: string) => string[];
  extension: string;
  /** The image of ours that has it. */
  image: string;
  env: Record<string, string>;
}

export const INTERPRETERS: Record<Language, Interpreter> = {
  // Unbuffered, so that what was printed is there when the program is killed.
  python: { extension: 'py', image: 'python', argv: (file) => ['python3', file], env: { PYTHONUNBUFFERED: '1' } },
  javascript: { extension: 'js', image: 'node', argv: (file) => ['node', file], env: {} },
  // Node strips the types itself (≥ 22.18 without a flag).
  typescript: { extension: 'ts', image: 'node', argv: (file) => ['node', file], env: {} },
  bash: { extension: 'sh', image: 'shell', argv: (file) => ['bash', file], env: {} },
};
