/** Specs in JSON: strategies that write files and run commands in their sandbox, and tests that verify the result. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import { pathProblem } from '../../base/path-rules.js';
import { bashLine } from '../../command/lines.js';
import type { Outcome } from '../../command/outcome.js';
import type { ExecutorOptions } from '../../executor/options.js';
import { executorSchema } from '../../executor/options.js';
import type { ProposeContext, VerificationLike } from '../../executor/types.js';
import { hostPath } from '../../sandbox/home-path.js';
import { runTests } from '../../verify/run-tests.js';
import { callsSchema, commandSchema, ioSchema, pytestSchema, type TestOptions } from '../../verify/test-options.js';

const relativePath = z
  .string()
  .refine((value) => pathProblem(value) === undefined, { error: 'expected a relative path without ..' });
/** Line for bash (`/bin/sh` if the image does not have bash), or an argument list. */
const command = z.union([z.string().min(1), z.array(z.string()).min(1)]);

const strategySchema = z.strictObject({
  name: z.string().min(1),
  /** Files to write into the workspace: path → content. */
  files: z.record(relativePath, z.string()).default({}),
  /** Command to run after that. Default: `propose.run`. */
  run: command.optional(),
});

/** Names of further test files on the host, relative to the document. */
const testFiles = { testFiles: z.array(relativePath).default([]) };
const noSignal = { signal: true } as const;

const verifySchema = z.union([
  z.discriminatedUnion('kind', [
    callsSchema.omit(noSignal),
    pytestSchema
      .omit({ ...noSignal, tests: true })
      .extend({ tests: z.record(relativePath, z.string()).default({}), ...testFiles }),
    ioSchema.omit(noSignal),
    commandSchema.omit(noSignal).extend(testFiles),
  ]),
  /** Passes if the command exits with 0. Use it only for code that does not try to cheat. */
  z.strictObject({ run: command, timeoutMs: z.number().int().min(1).default(30_000) }),
]);

const {
  maxIterations,
  branches,
  concurrency,
  timeouts,
  sandbox,
  seed,
  ignore,
  defaultIgnores,
  verifyIn,
  target,
  commitMode,
  keepBest,
} = executorSchema.shape;

export const specSchema = z.strictObject({
  task: z.string().min(1),
  /** Strategies, tried in their order. Failed ones are tried again only when all have failed. */
  strategies: z.array(strategySchema).min(1).default([{ name: 'propose', files: {} }]),
  propose: z.strictObject({ run: command, timeoutMs: z.number().int().min(1).optional() }).optional(),
  verify: verifySchema,
  maxIterations, branches, concurrency, timeouts, sandbox, seed, ignore, defaultIgnores, verifyIn,
  target, commitMode, keepBest,
}); // biome-ignore format: a table

type JsonSpec = z.output<typeof specSchema>;
type Strategy = z.output<typeof strategySchema>;

/**
 * Turns a document into options of an `IterationExecutor`.
 * @param directory Directory of the document. Paths in the document are relative to it.
 */
export async function optionsOf(
  spec: JsonSpec,
  directory: string,
): Promise<ExecutorOptions<unknown, unknown, unknown, VerificationLike>> {
  const { task: _, strategies, propose, verify, target, seed, ...settings } = spec;
  const tests = 'kind' in verify ? await withTestFiles(verify, directory) : undefined;
  const options: ExecutorOptions<string, Strategy, string, VerificationLike> = {
    ...(settings as object),
    ...(target !== undefined && { target: path.resolve(directory, hostPath(target)) }),
    ...(seed !== undefined && { seed: { ...seed, from: path.resolve(directory, hostPath(seed.from)) } }),
    strategize: ({ memory, branches: wanted }) => {
      const untried = strategies.filter((strategy) => !memory.hasFailed(strategy));
      return (untried.length > 0 ? untried : strategies).slice(0, wanted);
    },
    propose: async (context) => {
      const { strategy, sandbox: branch } = context;
      for (const [file, content] of Object.entries(strategy.files)) await branch.files.write(file, content);
      const line = strategy.run ?? propose?.run;
      if (line === undefined) return strategy.name;
      const { stdout, stderr, outcome, exitCode } = await branch.exec(inBash(line), {
        env: environmentOf(context),
        timeoutMs: propose?.timeoutMs,
      });
      if (outcome !== 'exited' || exitCode !== 0) {
        throw new Error(`propose: ${endOf(outcome, exitCode, stderr || stdout)}`);
      }
      return stdout;
    },
    verify: async ({ sandbox: branch, signal }) => {
      if (tests) return runTests(branch, { ...tests, signal });
      const { run, timeoutMs } = verify as { run: string | string[]; timeoutMs: number };
      const { stdout, stderr, outcome, exitCode } = await branch.exec(inBash(run), { timeoutMs });
      const passed = outcome === 'exited' && exitCode === 0;
      return { passed, reason: endOf(outcome, exitCode, passed ? '' : stderr || stdout) };
    },
  };
  return options as unknown as ExecutorOptions<unknown, unknown, unknown, VerificationLike>;
}

const inBash = (run: string | string[]) => (typeof run === 'string' ? bashLine(run) : run);

async function withTestFiles(
  { testFiles: names = [], ...options }: TestOptions & { testFiles?: string[] },
  directory: string,
): Promise<TestOptions> {
  if (names.length === 0) return options;
  const read = names.map(async (name) => {
    const file = path.join(directory, name);
    const text = await readFile(file, 'utf8').catch((cause) => {
      throw new InvalidOptionsError(`verify.testFiles: ${file} cannot be read: ${messageOf(cause)}`, {
        cause,
        hint: 'Test files lie beside the document: their paths are relative to it.',
      });
    });
    return [name, text] as const;
  });
  const own = 'tests' in options && typeof options.tests === 'object' ? options.tests : {};
  return { ...options, tests: { ...Object.fromEntries(await Promise.all(read)), ...own } } as TestOptions;
}

/** Returns the environment variables of a proposing command. */
function environmentOf(context: ProposeContext<unknown, Strategy>): Record<string, string> {
  const { task, strategy, iteration, branch, feedback, memory } = context;
  return {
    RIPCORD_TASK: String(task),
    RIPCORD_STRATEGY: strategy.name,
    RIPCORD_ITERATION: String(iteration),
    RIPCORD_BRANCH: String(branch),
    RIPCORD_FEEDBACK: feedback ?? '',
    RIPCORD_MEMORY: memory.toText(),
  };
}

function endOf(outcome: Outcome, exitCode: number | null, output: string): string {
  const how = outcome === 'exited' ? `exit code ${exitCode}` : outcome;
  const said = output.trimEnd().split('\n').at(-1);
  return said ? `${how}: ${said}` : how;
}
