/**
 * Names that a diff, a commit, `apply`, `--out` and the executor leave out by default: caches, dependency trees, and
 * files of the operating system. They match at any depth, and only paths that the base does not have.
 */
import { parentOf } from '../base/relative-paths.js';
import type { Change } from './diff.js';

export interface DefaultIgnore {
  kind: 'cache' | 'dependencies' | 'system';
  /** Documents that describe these files. */
  source: string;
  /** Names of files, directories or links. */
  names: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

export const DEFAULT_IGNORES: readonly DefaultIgnore[] = [
  {
    kind: 'cache',
    source:
      'PEP 3147 (__pycache__); pytest, mypy, Ruff, Hypothesis, tox, nox, Jupyter: cache directories; setuptools: .eggs',
    names: words(`__pycache__ .pytest_cache .mypy_cache .ruff_cache .hypothesis .tox .nox .ipynb_checkpoints .pytype
      .pyre .eggs`),
  },
  {
    kind: 'cache',
    source: 'ESLint, Stylelint, nyc, Parcel, Turborepo, Sass: cache files; Gradle: project cache; Dart: .dart_tool',
    names: words('.eslintcache .stylelintcache .nyc_output .parcel-cache .turbo .sass-cache .gradle .dart_tool'),
  },
  {
    kind: 'dependencies',
    source:
      'npm: folders; Yarn: .yarn/cache is not listed, projects commit it; pnpm: store; Bower; jspm; Elm: elm-stuff',
    names: words('node_modules .pnpm-store bower_components jspm_packages elm-stuff'),
  },
  {
    kind: 'dependencies',
    source:
      'venv, virtualenv, PEP 405 (a directory with a pyvenv.cfg counts too); PEP 582; Terraform: .terraform; Stack',
    names: words('.venv __pypackages__ .terraform .stack-work'),
  },
  {
    kind: 'system',
    source: 'macOS: Finder, Spotlight, Trash; Windows: thumbnail caches; github/gitignore: Global templates',
    names: words(`.DS_Store .AppleDouble .Spotlight-V100 .Trashes .fseventsd .TemporaryItems Thumbs.db ehthumbs.db
      ehthumbs_vista.db $RECYCLE.BIN`),
  },
];

const NAMES: ReadonlySet<string> = new Set(DEFAULT_IGNORES.flatMap(({ names }) => names));
const VENV_MARK = '/pyvenv.cfg';

/** Returns a test for default-ignored paths: by their last name, or as a new virtual environment of any name. */
export function defaultIgnores(changes: readonly Pick<Change, 'path' | 'after'>[]): (path: string) => boolean {
  const environments = new Set<string>();
  for (const { path, after } of changes) {
    if (after?.kind === 'file' && path.endsWith(VENV_MARK)) environments.add(parentOf(path));
  }
  return (path) => NAMES.has(path.slice(path.lastIndexOf('/') + 1)) || environments.has(path);
}
