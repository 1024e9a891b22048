/** `sandbox.runCode()` in each language. */
import { describe, expect, it } from 'vitest';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();

describe('python', () => {
  const sandbox = useSandbox(under);

  it('runs a program and gives its output', async () => {
    const result = await sandbox().runCode('import sys\nprint(6 * 7)\nprint("err", file=sys.stderr)');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: '42\n', stderr: 'err\n' });
  });

  it('gives the traceback with the line of an error', async () => {
    const result = await sandbox().runCode('def f():\n    return 1 / 0\nf()');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /Traceback[\s\S]*line 3[\s\S]*line 2, in f[\s\S]*ZeroDivisionError: division by zero/,
    );
  });

  it('imports what lies in the workspace, and finds files there', async () => {
    await sandbox().files.write('helper.py', 'def answer():\n    return open("data.txt").read()\n');
    await sandbox().files.write('data.txt', 'from a file');
    const result = await sandbox().runCode('import helper\nprint(helper.answer())');
    expect(result).toMatchObject({ exitCode: 0, stdout: 'from a file\n', stderr: '' });
  });

  it('starts in the cwd asked for', async () => {
    await sandbox().files.write('sub/local.py', 'NAME = "sub"\n');
    const result = await sandbox().runCode('import os, local\nprint(local.NAME, os.getcwd())', { cwd: 'sub' });
    expect(result.stdout).toBe('sub /workspace/sub\n');
  });

  it('hands over arguments, input and environment', async () => {
    const result = await sandbox().runCode(
      'import os, sys\nprint(sys.argv[1:], sys.stdin.read(), os.environ["GREETING"])',
      { args: ['a b', '--flag', ''], stdin: 'typed', env: { GREETING: 'hi' } },
    );
    expect(result.stdout).toBe("['a b', '--flag', ''] typed hi\n");
  });

  it('keeps what was printed before a timeout', async () => {
    const result = await sandbox().runCode('print("before")\nimport time\ntime.sleep(60)', { timeoutMs: 3000 });
    expect(result).toMatchObject({ outcome: 'timeout', stdout: 'before\n' });
  });

  it('takes a program of any size and any text', async () => {
    const filler = `# ${'x'.repeat(1000)}\n`.repeat(2000);
    const result = await sandbox().runCode(`${filler}print("grüße € \u{1f600}")`);
    expect(result).toMatchObject({ exitCode: 0, stdout: 'grüße € \u{1f600}\n' });
  });

  it('leaves no file behind, whatever became of the program', async () => {
    await sandbox().runCode('raise SystemExit(3)');
    await sandbox().runCode('import os\nos.kill(os.getpid(), 9)');
    await sandbox().runCode('import time\ntime.sleep(60)', { timeoutMs: 100 });
    const abort = new AbortController();
    const running = sandbox().runCode('print("up")\nimport time\ntime.sleep(60)', {
      signal: abort.signal,
      onStdout: () => abort.abort(),
    });
    expect(await rejection(running)).toMatchObject({ name: 'TaskAbortedError' });
    const names = (await sandbox().files.list('.')).map(({ path }) => path);
    expect(names.filter((name) => name.startsWith('.ripcord-'))).toEqual([]);
    expect((await sandbox().diff()).map(({ path }) => path).filter((path) => path.includes('ripcord'))).toEqual([]);
  });

  it('writes nothing when aborted before', async () => {
    const before = (await sandbox().files.list('.')).length;
    const error = await rejection(sandbox().runCode('print(1)', { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ name: 'TaskAbortedError' });
    expect(await sandbox().files.list('.')).toHaveLength(before);
  });

  it('says which language an image does not have', async () => {
    const result = await sandbox().runCode('console.log(1)', { language: 'javascript' });
    expect(result).toMatchObject({ outcome: 'spawn-failed', failure: { errno: 'ENOENT', stage: 'exec' } });
    expect(result.failure?.message).toContain('node');
  });

  it('refuses a language there is not', async () => {
    const error = await rejection(sandbox().runCode('x', { language: 'cobol' as never }));
    expect(error).toMatchObject({ code: 'invalid-options' });
    expect(error.message).toContain('language');
  });
});

describe('javascript and typescript', () => {
  const sandbox = useSandbox(under, { image: 'node' });

  it('runs javascript and gives its output', async () => {
    const result = await sandbox().runCode('console.log(6 * 7, process.argv.slice(2)); console.error("err")', {
      language: 'javascript',
      args: ['a b'],
    });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: "42 [ 'a b' ]\n", stderr: 'err\n' });
  });

  it('gives the stack of an error', async () => {
    const result = await sandbox().runCode('function f() { throw new TypeError("wrong") }\nf()', {
      language: 'javascript',
    });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 1 });
    expect(result.stderr).toMatch(/TypeError: wrong[\s\S]*at f/);
  });

  it('runs typescript with its types, and imports what lies in the workspace', async () => {
    await sandbox().files.write('lib.ts', 'export const twice = (n: number): number => n * 2;\n');
    const result = await sandbox().runCode(
      "import { twice } from './lib.ts';\ninterface A { n: number }\nconst a: A = { n: 21 };\nconsole.log(twice(a.n));",
      { language: 'typescript' },
    );
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: '42\n' });
  });
});

describe('bash', () => {
  const sandbox = useSandbox(under, { image: 'shell' });

  it('runs bash, arrays and all', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's
    const result = await sandbox().runCode('a=(one two); echo "${a[1]} $1 $(cat)"; [[ x == x ]] && exit 4', {
      language: 'bash',
      args: ['first'],
      stdin: 'typed',
    });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 4, stdout: 'two first typed\n' });
  });
});
