/** Programs in forks of a warm interpreter: no different from programs in fresh ones, and out of each other's reach. */
import type { ExecResult } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { judgingProgram, readProblems } from '../../../src/cli/jobs/humaneval/problems.js';
import { countProcesses, useManager, useSandbox } from '../../helpers/sandbox.js';
import { oddPrograms } from './programs.js';
import { untilWarm, warm } from './warm-runs.js';

const under = useManager();
const MINUTES = 60_000;

/** The parts of a result that are the same both ways. The output of a fault holds addresses. */
function visible(result: ExecResult) {
  const text = (output: string) => output.replace(/0x[0-9a-f]+/g, '0x');
  const { outcome, exitCode, signal, failure, oomKilled } = result;
  const said = outcome === 'output-limit' ? undefined : { stdout: text(result.stdout), stderr: text(result.stderr) };
  return {
    outcome,
    exitCode,
    signal,
    oomKilled,
    stage: failure?.stage,
    errno: failure?.errno,
    ...said,
  };
}

describe('a warm run and a fresh one are the same', () => {
  const sandbox = useSandbox(under, { image: 'python', warm: true, limits: { cpus: 2, memory: '256m' } });

  /** Returns the files that a program has left in the workspace, and removes them. */
  async function takeFiles(): Promise<string> {
    const files = "find . -type f -not -path '*/__pycache__/*'";
    const { stdout } = await sandbox().exec(`${files} -exec tail -v -c +1 {} +; find . -mindepth 1 -delete`);
    return stdout;
  }

  it.each(Object.entries(oddPrograms))('that %s', { timeout: MINUTES }, async (_, { code, options }) => {
    const fresh = await sandbox().runCode(code, { ...options, warm: false });
    const left = await takeFiles();
    await untilWarm(sandbox());
    const forked = await warm(sandbox(), code, options);
    expect(fresh.warm).toBeUndefined();
    expect(visible(forked)).toEqual(visible(fresh));
    expect(await takeFiles()).toBe(left);
  });

  it('and ends what it has left behind', { timeout: MINUTES }, async () => {
    await untilWarm(sandbox());
    const code = 'import subprocess\nsubprocess.Popen(["sleep", "98765431"], start_new_session=True)';
    expect(await warm(sandbox(), code)).toMatchObject({ outcome: 'exited', backgroundKilled: 1 });
    expect(await countProcesses(sandbox(), '98765431')).toBe(0);
  });

  it('for each module on the shelf: what is imported with it, and what it holds', {
    timeout: 2 * MINUTES,
  }, async () => {
    const names =
      'typing re collections.abc enum abc copy json random string heapq bisect operator datetime textwrap dataclasses decimal fractions statistics ctypes resource inspect ast numbers'.split(
        ' ',
      );
    await untilWarm(sandbox());
    for (const name of names) {
      const code = `import sys
import ${name}
m = sys.modules['${name}']
# What is compiled in or frozen nothing can stand before: those may be there without having been asked for.
hidden = lambda v: getattr(getattr(v, '__spec__', None), 'origin', None) in ('built-in', 'frozen')
print(sorted(k for k, v in sys.modules.items() if not hidden(v)))
print(sorted((k, type(v).__name__) for k, v in vars(m).items()))`;
      const fresh = await sandbox().runCode(code, { warm: false });
      expect(visible(await warm(sandbox(), code)), name).toEqual(visible(fresh));
    }
  });

  it('for the 164 solutions of HumanEval and their tests', { timeout: 10 * MINUTES }, async () => {
    const problems = await readProblems();
    const queue = problems.values();
    let forked = 0;
    await untilWarm(sandbox());
    const worker = async () => {
      for (const problem of queue) {
        const program = judgingProgram(problem, 'passed');
        const [a, b] = [
          await sandbox().runCode(program, { warm: true }),
          await sandbox().runCode(program, { warm: false }),
        ];
        expect(visible(a), problem.task_id).toEqual(visible(b));
        expect(a.stdout.trimEnd().endsWith('passed'), problem.task_id).toBe(true);
        if (a.warm) forked++;
      }
    };
    await Promise.all([worker(), worker()]);
    // A starved machine may make one wait too long.
    expect(forked).toBeGreaterThan(problems.length * 0.9);
  });
});
