import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Ignore } from 'ignore';
import ignore from 'ignore';
import { hostFileError } from './host-error.js';

export interface IgnoreOptions {
  /** Patterns in .gitignore syntax, relative to the root. They win over every .gitignore; `!name` brings back, directories whole. */
  ignore?: string[];
  /** Honour .gitignore files, nested ones included, and leave every `.git` out. */
  gitignore?: boolean;
}

// As git's core.ignoreCase is set where the file system ignores case.
const ignorecase = process.platform === 'darwin' || process.platform === 'win32';

/**
 * Which paths below a root are left out. As in git the deepest .gitignore with an opinion wins, and nothing comes back
 * from a directory that is left out itself, because the survey never enters it.
 */
export class IgnoreRules {
  private readonly own: Ignore | undefined;
  private readonly gitignore: boolean;
  private readonly nested = new Map<string, Ignore>();

  constructor(options: IgnoreOptions) {
    this.own = options.ignore?.length ? ignore({ ignorecase }).add(options.ignore) : undefined;
    this.gitignore = options.gitignore ?? false;
  }

  /** Takes in the .gitignore of `directory`, a regular file; before `leavesOut` is asked about what is in there. */
  async load(root: string, directory: string): Promise<void> {
    if (!this.gitignore) return;
    const file = path.join(root, directory, '.gitignore');
    try {
      this.nested.set(directory, ignore({ ignorecase }).add(await readFile(file, 'utf8')));
    } catch (error) {
      throw hostFileError(error, 'read', file);
    }
  }

  leavesOut(relative: string, isDirectory: boolean): boolean {
    const suffix = isDirectory ? '/' : '';
    const own = this.own?.test(relative + suffix);
    if (own?.ignored || own?.unignored) return own.ignored;
    if (!this.gitignore) return false;
    if (relative === '.git' || relative.endsWith('/.git')) return true;
    if (this.nested.size === 0) return false;
    for (let slash = relative.lastIndexOf('/'); ; slash = relative.lastIndexOf('/', slash - 1)) {
      const rules = this.nested.get(slash < 0 ? '' : relative.slice(0, slash));
      const within = relative.slice(slash + 1);
      const verdict = rules?.test(within + suffix);
      // Ignored with a directory the caller's patterns brought back, or else nobody would ask: not ignored for that.
      const isInherited = verdict?.ignored && within.includes('/') && rules?.ignores(`${path.posix.dirname(within)}/`);
      if ((verdict?.ignored || verdict?.unignored) && !isInherited) return verdict.ignored;
      if (slash < 0) return false;
    }
  }
}
