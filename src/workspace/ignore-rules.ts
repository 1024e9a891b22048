import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { hostFileError } from '../base/host-error.js';
import { WorkMeter } from '../base/work-meter.js';
import { type IgnorePattern, MAX_PATTERN_LENGTH, parsePattern, patternMatches } from './ignore-pattern.js';

export interface IgnoreOptions {
  /**
   * Patterns in .gitignore syntax, relative to the root. They take precedence over every .gitignore. `!name` includes a
   * path again, a directory with all of its entries.
   */
  ignore?: string[];
  /** Apply .gitignore files, nested ones included, and leave every `.git` out. */
  gitignore?: boolean;
}

// git sets core.ignoreCase on file systems that ignore case; do the same.
const ignoresCase = process.platform === 'darwin' || process.platform === 'win32';
const folded = (text: string): string => (ignoresCase ? text.toLowerCase() : text);

/** Maximum size of a .gitignore file. The largest known ones have a few thousand lines. */
const MAX_FILE_BYTES = 1024 ** 2;

/**
 * Decides which paths below a root are left out. As in git, the deepest .gitignore with a matching pattern wins, and no
 * entry comes back from a directory that is left out, because the survey never enters it.
 */
export class IgnoreRules {
  readonly #own: readonly IgnorePattern[];
  readonly #gitignore: boolean;
  readonly #nested = new Map<string, readonly IgnorePattern[]>();
  readonly #meter = new WorkMeter();

  /** @throws InvalidOptionsError for a pattern that is too long. */
  constructor(options: IgnoreOptions) {
    this.#own = patternsOf(
      (options.ignore ?? []).flatMap((lines) => lines.split('\n')),
      (problem) => {
        throw new InvalidOptionsError(`ignore: ${problem}`);
      },
    );
    this.#gitignore = options.gitignore ?? false;
  }

  /**
   * Loads the .gitignore of `directory`, a regular file of `size` bytes. Call it before `leavesOut` for entries of that
   * directory.
   * @throws RipcordError `seed-invalid` for a file or a line that is too long to be read
   */
  async load(root: string, directory: string, size: number): Promise<void> {
    if (!this.#gitignore) return;
    const file = path.join(root, directory, '.gitignore');
    const refuse = (problem: string): never => {
      throw new RipcordError('seed-invalid', `${printable(file)}: ${problem}`, {
        hint: 'Shorten the file, or take the directory without its .gitignore files (gitignore: false).',
      });
    };
    if (size > MAX_FILE_BYTES) refuse(`it has ${size} bytes; ${MAX_FILE_BYTES} are read`);
    try {
      const text = (await readFile(file, 'utf8')).slice(0, MAX_FILE_BYTES).replace(/^\ufeff/, '');
      this.#nested.set(directory, patternsOf(text.split('\n'), refuse));
    } catch (error) {
      throw error instanceof RipcordError ? error : hostFileError(error, 'read', file);
    }
  }

  /**
   * Returns true if the path is left out. The directories above it are not tested. Yields to the event loop if there
   * are many patterns.
   */
  async leavesOut(relative: string, isDirectory: boolean, signal?: AbortSignal): Promise<boolean> {
    const own = await this.#verdict(this.#own, relative, isDirectory, signal);
    if (own !== undefined) return own;
    if (!this.#gitignore) return false;
    if (relative === '.git' || relative.endsWith('/.git')) return true;
    if (this.#nested.size === 0) return false;
    for (let slash = relative.lastIndexOf('/'); ; slash = relative.lastIndexOf('/', slash - 1)) {
      const patterns = this.#nested.get(slash < 0 ? '' : relative.slice(0, slash));
      const verdict = patterns && (await this.#verdict(patterns, relative.slice(slash + 1), isDirectory, signal));
      if (verdict !== undefined) return verdict;
      if (slash < 0) return false;
    }
  }

  /** Returns the result of the last pattern that matches. */
  async #verdict(
    patterns: readonly IgnorePattern[],
    relative: string,
    isDirectory: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean | undefined> {
    if (patterns.length === 0) return undefined;
    const names = folded(relative).split('/');
    const steps = { count: 0 };
    for (let at = patterns.length - 1; at >= 0; at--) {
      steps.count = 0;
      const matches = patternMatches(patterns[at]!, names, isDirectory, steps);
      if (this.#meter.spend(steps.count)) await this.#meter.rest(signal);
      if (matches) return !patterns[at]!.negated;
    }
    return undefined;
  }

  /** @internal Largest number of steps between two turns of the event loop. */
  get longestTurn(): number {
    return this.#meter.longest;
  }
}

function patternsOf(lines: readonly string[], refuse: (problem: string) => never): IgnorePattern[] {
  return lines.flatMap((line, at) => {
    if (line.length > MAX_PATTERN_LENGTH) {
      refuse(`pattern ${at + 1} has ${line.length} characters; ${MAX_PATTERN_LENGTH} are the most`);
    }
    return parsePattern(folded(line)) ?? [];
  });
}
