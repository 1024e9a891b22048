/** What `runTests` can run. */
import { z } from 'zod';
import { milliseconds } from '../base/option-fields.js';
import { pathProblem } from '../base/path-rules.js';

const signal = z.custom<AbortSignal>((value) => value instanceof AbortSignal, { error: 'expected an AbortSignal' });
const text = z.string().refine((value) => !value.includes('\0'), { error: 'must not contain a NUL byte' });
const identifier = z.string().regex(/^[A-Za-z_]\w*$/, { error: 'expected a Python identifier' });
const moduleName = z.string().regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, { error: 'expected a module name' });
const files = z.record(
  z.string().refine((path) => pathProblem(path) === undefined, { error: 'expected a relative path without ..' }),
  z.string(),
);
const env = z.record(z.string().min(1), text).default({});

const common = {
  /** Of the whole run, enforced inside. Default 30 s. */
  timeoutMs: milliseconds.default(30_000),
  /** Where the code under test runs. Default the workspace. */
  cwd: text.min(1).optional(),
  /** For the code under test. */
  env,
  signal: signal.optional(),
};
const skips = {
  /** Effect of skipped tests: with `ignore` (default), they neither pass nor fail; with `fail`, one fails the run. */
  skipped: z.enum(['ignore', 'fail']).default('ignore'),
};
const python = {
  ...skips,
  /** The interpreter, by absolute path. Default: `python3` of the image, looked up where only root can write. */
  python: text.startsWith('/').optional(),
};

/** Python functions called one by one from tests that run elsewhere. */
export const callsSchema = z.strictObject({
  kind: z.literal('calls'),
  ...common,
  ...python,
  /** The module under test, as `import` names it. */
  module: moduleName,
  /** Its functions the tests may use by name. `check(candidate)` gets the first. */
  functions: z.array(identifier).default([]),
  /** Source the tests rely on: helpers, reference implementations. Runs with the tests, out of the code's reach. */
  setup: z.string().default(''),
  /**
   * Source: `check(candidate)`, functions called `test…`, `async` or not, classes of `unittest` or called `Test…`, or bare
   * asserts. What looks like a test and would not run is an error.
   */
  tests: z.string().min(1),
});

/** Python test files, run by pytest, with the code under test in another process. */
export const pytestSchema = z.strictObject({
  kind: z.literal('pytest'),
  ...common,
  ...python,
  /** Test files, their helpers and conftest.py: path → source. What the workspace has of these is not looked at. */
  tests: files.refine((value) => Object.keys(value).length > 0, { error: 'expected at least one file' }),
  /**
   * Top-level modules under test; nothing else is imported from it. Default: what the tests import and neither Python, the
   * image nor the tests have, except test libraries. The report names them as `modules`.
   */
  modules: z.array(identifier).default([]),
  /** More arguments for pytest, e.g. `['-k', 'fast']`. */
  args: z.array(text).default([]),
});

/** A pattern is tried in a thread, for at most 10 s. A function runs in this one: what it costs with a hostile text is its own. */
const expectation = z.union([
  z.string(),
  z.instanceof(RegExp),
  z.custom<(text: string) => boolean>((value) => typeof value === 'function', {
    error: 'expected text, RegExp or function',
  }),
]);

/** A program judged by what it prints. What is expected never enters the sandbox. */
export const ioSchema = z.strictObject({
  kind: z.literal('io'),
  ...common,
  command: z.union([text, z.array(text).min(1)]),
  cases: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        args: z.array(text).default([]),
        stdin: z.string().default(''),
        stdout: expectation.optional(),
        stderr: expectation.optional(),
        /** Default 0. */
        exitCode: z.number().int().min(0).max(255).default(0),
      }),
    )
    .min(1),
  /** `trimmed` (default): white space at the ends of lines and of the text does not count. */
  compare: z.enum(['trimmed', 'exact']).default('trimmed'),
  /** Of one case. Default: what is left of `timeoutMs`. */
  caseTimeoutMs: milliseconds.optional(),
});

/** Any test runner that writes a report. The code under test shares its process: see {@link Guarantee}. */
export const commandSchema = z.strictObject({
  kind: z.literal('command'),
  ...common,
  ...skips,
  /** An argument list; `{report}` stands for the path of the JUnit file it must write. */
  command: z.array(text).min(1),
  /** `tap` on stdout, or a JUnit file. */
  report: z.enum(['tap', 'junit']),
  /** Written over a copy of the workspace: what the code under test made of these paths is gone. */
  tests: files.default({}),
  /** Names of tests that must be among those reported, or how many must be. */
  expect: z.union([z.array(z.string()).min(1), z.number().int().min(1)]),
  /** Test files that must fail, put beside the others: a runner that cannot report a failure any more is found out. */
  canaries: files.default({}),
  /**
   * Files left out of the copy: names or patterns, at any depth, and paths that begin with `./`. Default: the files and
   * modules that the runner obeys (`conftest.py`, `pytest.py`, `vitest.config.*` …), which only `tests` brings then. The report
   * names what was left out, and as `trusted` what stays and is read by runners too (`package.json`, `pyproject.toml` …).
   */
  leaveOut: z.array(z.string().min(1)).optional(),
});

export const testSchema = z.discriminatedUnion('kind', [callsSchema, pytestSchema, ioSchema, commandSchema]);

export type TestOptions = z.input<typeof testSchema>;
export type CallsOptions = z.output<typeof callsSchema>;
export type PytestOptions = z.output<typeof pytestSchema>;
export type IoOptions = z.output<typeof ioSchema>;
export type CommandTestOptions = z.output<typeof commandSchema>;
