/**
 * Files that test runners obey: configuration that changes which tests run or count, hooks, and modules that shadow the
 * runner's own. From the code under test they could make any run pass, so the judge's copy leaves them out unless the
 * tests supply them.
 */

interface Runner {
  /** Matches a word of the command that names the runner. */
  named: RegExp;
  /** File names and patterns that the runner reads, at any depth. */
  obeys: string[];
  /**
   * Python modules that the runner imports before any test. The working directory and the tests' directories come first
   * on its path.
   */
  imports?: string[];
}

/** Files that Python itself runs or reads. Bytecode need not match the source beside it (PEP 552). */
const PYTHON = [
  'sitecustomize.py',
  'usercustomize.py',
  '*.pth',
  '__pycache__',
  '*.pyc',
  '*.dist-info',
  '*.egg-info',
  '*.egg',
  '*.egg-link',
];
/** Standard modules that `import pytest, unittest` loads, without built-in ones; measured with Python 3.9 to 3.13. */
const PYTHON_LIBRARY = [
  '__future__', '_bz2', '_collections_abc', '_compression', '_decimal', '_json', '_lzma', '_sitebuiltins', '_typing', '_uuid',
  '_weakrefset', 'abc', 'argparse', 'ast', 'asyncio', 'base64', 'bdb', 'bisect', 'bz2', 'calendar', 'cmd', 'code', 'codecs', 'codeop',
  'collections', 'concurrent', 'contextlib', 'contextvars', 'copy', 'copyreg', 'csv', 'ctypes', 'dataclasses', 'datetime', 'decimal',
  'difflib', 'dis', 'doctest', 'email', 'encodings', 'enum', 'faulthandler', 'fnmatch', 'functools', 'genericpath', 'getpass',
  'gettext', 'glob', 'hashlib', 'heapq', 'html', 'http', 'importlib', 'inspect', 'io', 'ipaddress', 'json', 'keyword', 'linecache',
  'locale', 'logging', 'lzma', 'ntpath', 'numbers', 'opcode', 'operator', 'os', 'pathlib', 'pdb', 'pkgutil', 'platform', 'posixpath',
  'pprint', 'queue', 'quopri', 'random', 're', 'reprlib', 'runpy', 'selectors', 'shlex', 'shutil', 'signal', 'site', 'socket',
  'sre_compile', 'sre_constants', 'sre_parse', 'ssl', 'stat', 'statistics', 'string', 'struct', 'subprocess', 'sysconfig', 'tempfile',
  'textwrap', 'threading', 'timeit', 'token', 'tokenize', 'traceback', 'types', 'typing', 'unittest', 'urllib', 'uuid', 'warnings',
  'weakref', 'xml', 'zipfile', 'zipimport',
]; // biome-ignore format: a table
const SNAPSHOTS = ['__snapshots__', '*.snap', '*.snap.*'];
const BABEL = ['.babelrc', '.babelrc.*', 'babel.config.*', '.swcrc'];
const VITE = ['vite.config.*', 'postcss.config.*', '.postcssrc', '.postcssrc.*', '.env', '.env.*'];
/** Files that npm and npx read and may execute: `node-options=--require ./evil.js`. */
const NPM = ['.npmrc', '.yarnrc', '.yarnrc.yml', '.pnp.*', '.pnpmfile.cjs'];

export const RUNNERS: Record<string, Runner> = {
  // https://docs.pytest.org/en/stable/reference/customize.html
  pytest: {
    named: /\b(py\.?test|tox|nox)\b/,
    obeys: ['conftest.py', 'pytest.ini', '.pytest.ini', 'pytest.toml', '.pytest.toml', 'tox.ini', 'noxfile.py', '.coveragerc', ...PYTHON],
    imports: ['pytest', '_pytest', 'py', 'pluggy', 'iniconfig', 'packaging', 'exceptiongroup', 'tomli', 'tomllib', 'attr', 'attrs',
      'pygments', 'xdist', 'execnet', ...PYTHON_LIBRARY],
  },
  // https://docs.python.org/3/library/unittest.html
  unittest: {
    named: /\b(unittest|nose2?|green|xmlrunner)\b/,
    obeys: ['unittest.cfg', 'nose2.cfg', '.noserc', 'nose.cfg', '.green', '.coveragerc', ...PYTHON],
    imports: ['xmlrunner', 'nose2', 'nose', 'green', ...PYTHON_LIBRARY],
  },
  // https://nodejs.org/api/cli.html
  node: { named: /^(node|tsx|ts-node)$/, obeys: ['node.config.json', '.env', '.env.*', ...SNAPSHOTS, ...NPM] },
  // https://vitest.dev/config/
  vitest: { named: /\bvitest\b/, obeys: ['vitest.config.*', 'vitest.workspace.*', 'vitest.projects.*', '__mocks__', ...VITE, ...SNAPSHOTS, ...NPM] },
  // https://jestjs.io/docs/configuration; mocks beside node_modules replace packages without a call
  jest: { named: /\bjest\b/, obeys: ['jest.config.*', '__mocks__', '.watchmanconfig', ...BABEL, ...SNAPSHOTS, ...NPM] },
  // https://mochajs.org/#configuring-mocha-nodejs
  mocha: { named: /\b_?mocha\b/, obeys: ['.mocharc', '.mocharc.*', 'mocha.opts', '.nycrc', '.nycrc.*', '.c8rc.*', ...BABEL, ...NPM] },
  ava: { named: /\bava\b/, obeys: ['ava.config.*', ...SNAPSHOTS, ...NPM] },
  tap: { named: /\b(tap|jasmine|karma|uvu)\b/, obeys: ['.taprc', 'jasmine.json', 'jasmine.m?js', 'karma.conf.*', ...SNAPSHOTS, ...NPM] },
  bun: { named: /\bbun\b/, obeys: ['bunfig.toml', '.env', '.env.*', ...SNAPSHOTS, ...NPM] },
  // A TestMain of the package's own test files decides the exit code. https://go.dev/src/testing/testing.go
  go: { named: /^(go|gotestsum)$/, obeys: ['*_test.go', 'go.work', 'go.work.sum'] },
  // https://doc.rust-lang.org/cargo/reference/config.html
  cargo: { named: /\bcargo\b/, obeys: ['.cargo', 'nextest.toml', 'rust-toolchain', 'rust-toolchain.toml'] },
  ruby: { named: /\b(rspec|rake|minitest)\b/, obeys: ['.rspec', '.rspec-local', '.rspec_status', 'spec_helper.rb', 'test_helper.rb', '.rubyopt'] },
  php: { named: /\b(phpunit|pest)\b/, obeys: ['phpunit.xml', 'phpunit.xml.dist', 'phpunit.dist.xml', 'Pest.php', '.user.ini'] },
  java: { named: /\b(mvnw?|gradlew?)\b/, obeys: ['.mvn', 'junit-platform.properties', 'init.gradle', 'init.gradle.kts', 'gradle.properties'] },
  perl: { named: /\b(prove|bats)\b/, obeys: ['.proverc'] },
}; // biome-ignore format: a table

/** Files that a program needs to run, and that a runner reads as well. They stay, and the report lists them. */
export const TRUSTED = [
  'package.json', 'pyproject.toml', 'setup.cfg', 'setup.py', 'tsconfig.json', 'deno.json', 'deno.jsonc', 'go.mod', 'Cargo.toml',
  'build.rs', 'Gemfile', 'Rakefile', 'composer.json', 'pom.xml', 'build.gradle', 'build.gradle.kts', 'Makefile', 'makefile', 'GNUmakefile',
  'justfile', 'CMakeLists.txt', 'node_modules', 'vendor',
]; // biome-ignore format: a table

/** Suffixes under which Python finds a module. A directory counts by its `__init__`. */
const MODULE_SUFFIXES = ['.py', '.pyc', '.so', '.*.so', '/__init__.*'];

/** Returns the runners that a command names, or all of them if it names none, such as `make test`. */
export function runnersOf(command: readonly string[]): Runner[] {
  const words = command
    .flatMap((part) => part.split(/[\s;&|()'"]+/))
    .map((word) => word.slice(word.lastIndexOf('/') + 1));
  const named = Object.values(RUNNERS).filter((runner) => words.some((word) => runner.named.test(word)));
  return named.length > 0 ? named : Object.values(RUNNERS);
}

/** Returns patterns of files to leave out: names at any depth, and paths from the workspace's root, as `./path`. */
export function obeyedBy(command: readonly string[], directories: Iterable<string>): string[] {
  const runners = runnersOf(command);
  const patterns = new Set(runners.flatMap(({ obeys }) => obeys));
  // Add all Python modules only if the command names a Python runner: a project in another language may have a
  // directory `types`.
  const modules =
    runners.length === Object.keys(RUNNERS).length
      ? ['pytest', '_pytest', 'unittest']
      : runners.flatMap(({ imports = [] }) => imports);
  for (const directory of directories) {
    for (const name of modules) {
      for (const suffix of MODULE_SUFFIXES)
        patterns.add(`./${directory === '.' ? '' : `${directory}/`}${name}${suffix}`);
    }
  }
  return [...patterns];
}
