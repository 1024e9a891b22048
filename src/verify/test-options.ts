/** Options of `runTests()`. */
import { z } from 'zod';
import { milliseconds, signalSchema, text } from '../base/option-fields.js';
import { pathProblem } from '../base/path-rules.js';

/** Options of every run of tests. */
interface CommonTestOptions {
  /**
   * Time limit of the whole run in milliseconds, enforced inside the sandbox.
   * @default 30_000 (30 s)
   */
  timeoutMs?: number | undefined;
  /** Working directory of the code under test. If unset, the workspace. */
  cwd?: string | undefined;
  /**
   * Environment variables of the code under test.
   * @default {}
   */
  env?: Record<string, string> | undefined;
  /** Signal that aborts the run: its processes are killed, and the call throws TaskAbortedError. */
  signal?: AbortSignal | undefined;
}

/** Option of runners that can skip tests. */
interface SkipOptions {
  /**
   * Effect of skipped tests: with `ignore` they neither pass nor fail, with `fail` one of them fails the run.
   * @default 'ignore'
   */
  skipped?: 'ignore' | 'fail' | undefined;
}

/** Options of tests in Python. */
interface PythonTestOptions extends CommonTestOptions, SkipOptions {
  /** Absolute path of the interpreter. If unset, `python3` of the image, found in directories that only root can write to. */
  python?: string | undefined;
}

/** Tests of kind `calls`: Python functions called one by one from tests that run elsewhere. */
export interface CallsTestOptions extends PythonTestOptions {
  /** Kind of the tests. */
  kind: 'calls';
  /** Name of the module under test, as in `import`. */
  module: string;
  /**
   * Functions of the module that the tests may use by name. `check(candidate)` receives the first.
   * @default []
   */
  functions?: string[] | undefined;
  /**
   * Source that the tests rely on: helpers, reference implementations. It runs with the tests, out of the code's reach.
   * @default ''
   */
  setup?: string | undefined;
  /**
   * Source of the tests: `check(candidate)`, functions called `test…`, `async` or not, classes of `unittest` or called `Test…`, or
   * bare asserts. Source that looks like a test and would not run is an error.
   */
  tests: string;
}

/** Tests of kind `pytest`: Python test files, with the code under test in another process. */
export interface PytestTestOptions extends PythonTestOptions {
  /** Kind of the tests. */
  kind: 'pytest';
  /** Test files, their helpers and conftest.py: path → source. They override files of these names in the workspace. */
  tests: Record<string, string>;
  /**
   * Top-level modules under test; the tests can import no others from it. An empty list: the modules that the tests import and that
   * belong neither to Python, the image nor the tests, except test libraries. The report lists them as `modules`.
   * @default []
   */
  modules?: string[] | undefined;
  /**
   * Further arguments for pytest, e.g. `['-k', 'fast']`.
   * @default []
   */
  args?: string[] | undefined;
}

/**
 * Expected output: the text, a pattern or a function. A pattern is tried in a thread, for at most 10 s. A function runs in this
 * thread, and has to be safe with hostile text itself.
 */
export type Expectation = string | RegExp | ((text: string) => boolean);

/** One run of a program that is judged by its output. */
export interface IoCase {
  /** Name of the case in the report. If unset, its number. */
  name?: string | undefined;
  /**
   * Arguments, after those of `command`.
   * @default []
   */
  args?: string[] | undefined;
  /**
   * Standard input.
   * @default ''
   */
  stdin?: string | undefined;
  /** Expected standard output. If unset, any. */
  stdout?: Expectation | undefined;
  /** Expected standard error. If unset, any. */
  stderr?: Expectation | undefined;
  /**
   * Expected exit code.
   * @default 0
   */
  exitCode?: number | undefined;
}

/** Tests of kind `io`: a program judged by its output. The expected output never enters the sandbox. */
export interface IoTestOptions extends CommonTestOptions {
  /** Kind of the tests. */
  kind: 'io';
  /** Program under test: an argument list, or a line for `/bin/sh`. */
  command: string | string[];
  /** Cases, at least one. */
  cases: IoCase[];
  /**
   * Comparison with expected text: `trimmed` ignores white space at the ends of lines and of the text.
   * @default 'trimmed'
   */
  compare?: 'trimmed' | 'exact' | undefined;
  /** Time limit of one case in milliseconds. If unset, the rest of `timeoutMs`. */
  caseTimeoutMs?: number | undefined;
}

/** Tests of kind `command`: a test runner that writes a report. The code under test shares its process: see {@link Guarantee}. */
export interface CommandTestOptions extends CommonTestOptions, SkipOptions {
  /** Kind of the tests. */
  kind: 'command';
  /** Argument list of the runner; `{report}` stands for the path of the JUnit file it must write. */
  command: string[];
  /** Format of the report: `tap` on standard output, or a `junit` file. */
  report: 'tap' | 'junit';
  /**
   * Test files written over a copy of the workspace: path → text. They replace files of these names that the code under test made.
   * @default {}
   */
  tests?: Record<string, string> | undefined;
  /** Names of tests that the report must contain, or the number of tests that it must contain. */
  expect: string[] | number;
  /**
   * Test files that must fail, put beside the others: they detect a runner that cannot report a failure any more.
   * @default {}
   */
  canaries?: Record<string, string> | undefined;
  /**
   * Files left out of the copy: names or patterns, at any depth, and paths that begin with `./`. If unset, the files and modules that
   * the runner obeys (`conftest.py`, `pytest.py`, `vitest.config.*` …), which only `tests` brings then. The report lists the files
   * left out, and as `trusted` files that stay and that runners read too (`package.json`, `pyproject.toml` …).
   */
  leaveOut?: string[] | undefined;
}

/** Options of `runTests()`: one of four kinds of tests. */
export type TestOptions = CallsTestOptions | PytestTestOptions | IoTestOptions | CommandTestOptions;

const identifier = z.string().regex(/^[A-Za-z_]\w*$/, { error: 'expected a Python identifier' });
const moduleName = z.string().regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, { error: 'expected a module name' });
const files = z.record(
  z.string().refine((path) => pathProblem(path) === undefined, { error: 'expected a relative path without ..' }),
  z.string(),
);
const env = z.record(z.string().min(1), text).default({});

const common = {
  timeoutMs: milliseconds.default(30_000),
  cwd: text.min(1).optional(),
  env,
  signal: signalSchema.optional(),
};
const skips = {
  skipped: z.enum(['ignore', 'fail']).default('ignore'),
};
const python = {
  ...skips,
  python: text.startsWith('/').optional(),
};

export const callsSchema = z.strictObject({
  kind: z.literal('calls'),
  ...common,
  ...python,
  module: moduleName,
  functions: z.array(identifier).default([]),
  setup: z.string().default(''),
  tests: z.string().min(1),
});

export const pytestSchema = z.strictObject({
  kind: z.literal('pytest'),
  ...common,
  ...python,
  tests: files.refine((value) => Object.keys(value).length > 0, { error: 'expected at least one file' }),
  modules: z.array(identifier).default([]),
  args: z.array(text).default([]),
});

const expectation = z.union([
  z.string(),
  z.instanceof(RegExp),
  z.custom<(text: string) => boolean>((value) => typeof value === 'function', {
    error: 'expected text, RegExp or function',
  }),
]);

export const ioCaseSchema = z.strictObject({
  name: z.string().optional(),
  args: z.array(text).default([]),
  stdin: z.string().default(''),
  stdout: expectation.optional(),
  stderr: expectation.optional(),
  exitCode: z.number().int().min(0).max(255).default(0),
});

export const ioSchema = z.strictObject({
  kind: z.literal('io'),
  ...common,
  command: z.union([text, z.array(text).min(1)]),
  cases: z.array(ioCaseSchema).min(1),
  compare: z.enum(['trimmed', 'exact']).default('trimmed'),
  caseTimeoutMs: milliseconds.optional(),
});

export const commandSchema = z.strictObject({
  kind: z.literal('command'),
  ...common,
  ...skips,
  command: z.array(text).min(1),
  report: z.enum(['tap', 'junit']),
  tests: files.default({}),
  expect: z.union([z.array(z.string()).min(1), z.number().int().min(1)]),
  canaries: files.default({}),
  leaveOut: z.array(z.string().min(1)).optional(),
});

export const testSchema = z.discriminatedUnion('kind', [callsSchema, pytestSchema, ioSchema, commandSchema]);

export type ResolvedCallsTest = z.output<typeof callsSchema>;
export type ResolvedPytest = z.output<typeof pytestSchema>;
export type ResolvedIoTest = z.output<typeof ioSchema>;
export type ResolvedCommandTest = z.output<typeof commandSchema>;
