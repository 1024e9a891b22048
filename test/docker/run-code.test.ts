/** `sandbox.runCode()` in each language. */
import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';
import { useTempDirectory } from '../helpers/temp.js';

const under = useManager();

describe('python', () => {
  const sandbox = useSandbox(under);

  it('runs a program and gives its output', async () => {
    const result = await sandbox().runCode('import sys\nprint(6 * 7)\nprint("err", file=sys.stderr)');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: '42\n', stderr: 'err\n' });
  });

  it('takes the other names of a language that the command line takes, in any case of letters', async () => {
    for (const language of ['python3', 'py', 'PY'] as 'py'[]) {
      expect((await sandbox().runCode('print(6 * 7)', { language })).stdout).toBe('42\n');
    }
    expect((await sandbox().runCode('echo 42', { language: 'sh' })).stdout).toBe('42\n');
    expect((await sandbox().runCode('1', { language: 'ts' })).failure?.message).toContain('has no typescript');
    const wrong = rejection(sandbox().runCode('1', { language: 'perl' as never }));
    expect((await wrong).message).toMatch(/runCode: language: .*python.*javascript.*typescript.*bash.*perl/);
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

  it.each([
    ['py', 'print(1)'],
    ['sh', 'echo 1'],
    ['Python3', 'print(1)'],
  ] as const)('takes %s for a name of the language', async (language, code) => {
    const { stdout } = await sandbox().runCode(code, { language: language as 'py' });
    expect(stdout).toBe('1\n');
  });

  it('names the languages where it knows none of that name', async () => {
    const unknown = sandbox().runCode('1', { language: 'cobol' as 'py' });
    await expect(unknown).rejects.toThrow(/language: .*"python"\|"javascript"\|"typescript"\|"bash" \(got "cobol"\)/);
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
    const before = await sandbox().files.list('.');
    await sandbox().runCode('raise SystemExit(3)');
    await sandbox().runCode('import os\nos.kill(os.getpid(), 9)');
    await sandbox().runCode('import time\ntime.sleep(60)', { timeoutMs: 100 });
    await sandbox().runCode('import os\nos.kill(os.getppid(), 9)', { user: 0 });
    const abort = new AbortController();
    const running = sandbox().runCode('print("up")\nimport time\ntime.sleep(60)', {
      signal: abort.signal,
      onStdout: () => abort.abort(),
    });
    expect(await rejection(running)).toMatchObject({ name: 'TaskAbortedError' });
    expect(await sandbox().files.list('.')).toEqual(before);
    expect((await sandbox().exec('ls -A /run/ripcord | grep -v "^lib$"')).stdout).toBe('');
  });

  it('lies outside the workspace under a name that stays the same, where nobody can write', async () => {
    const say = 'import os, sys\nprint(__file__, sys.argv[0], sys.path[0])\n';
    for (const options of [{}, { user: 0 }]) {
      const { stdout } = await sandbox().runCode(say, options);
      expect(stdout).toBe('/run/ripcord/0/main.py /run/ripcord/0/main.py /workspace\n');
      const output = await sandbox().runCode('import os\nopen(os.path.dirname(__file__) + "/out.csv", "w")', options);
      expect(output.exitCode).toBe(1);
      expect(output.stderr).toContain('PermissionError');
    }
  });

  it('runs in any directory that can be entered', async () => {
    for (const cwd of ['/', '/usr', '/tmp']) {
      const result = await sandbox().runCode('import os, sys\nprint(os.getcwd(), sys.path[0])', { cwd });
      expect(result).toMatchObject({ exitCode: 0, stdout: `${cwd} ${cwd}\n` });
    }
    const nowhere = await sandbox().runCode('print(1)', { cwd: '/root' });
    expect(nowhere).toMatchObject({ outcome: 'spawn-failed', failure: { stage: 'cwd', errno: 'EACCES' } });
  });

  it('hands its own file to pytest, to workers and to pickle, and goes by its own name', async () => {
    const code = `
import pickle, subprocess, sys, multiprocessing
class Kept: pass
def square(x): return x * x
def test_square(): assert square(3) == 9
if __name__ == '__main__':
    import pytest, main
    assert main.__file__ == __file__ and type(pickle.loads(pickle.dumps(Kept()))) is Kept
    with multiprocessing.get_context('spawn').Pool(2) as pool: print(pool.map(square, [1, 2]))
    raise SystemExit(pytest.main(['-q', __file__]))`;
    const { exitCode, stdout, stderr } = await sandbox().runCode(code);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^\[1, 4\]\n/);
    expect(stdout).toContain('1 passed');
  });

  it("leaves the caller's PYTHONPATH, and the image's and the user's own start, as they are", async () => {
    await sandbox().files.write('lib/extra.py', 'X = 1\n');
    await sandbox().files.write('lib/sitecustomize.py', 'import sys\nsys.customized = True\n');
    const code = 'import extra, os, sys\nprint(os.environ["PYTHONPATH"], sys.customized, sys.path[:2])';
    const { stdout } = await sandbox().runCode(code, { env: { PYTHONPATH: '/workspace/lib' } });
    expect(stdout).toBe("/workspace/lib True ['/workspace', '/workspace/lib']\n");
    const plain = await sandbox().runCode(
      'import os, sys\nprint("PYTHONPATH" in os.environ, "sitecustomize" in sys.modules)',
    );
    expect(plain.stdout).toBe('False False\n');
    const safe = await sandbox().runCode('import sys\nprint("/workspace" in sys.path)', {
      env: { PYTHONSAFEPATH: '1' },
    });
    expect(safe.stdout).toBe('False\n');
  });

  it('takes large programs, and says how large they may be', async () => {
    const filler = `# ${'x'.repeat(1000)}\n`.repeat(12_000);
    expect(await sandbox().runCode(`${filler}print(1)`)).toMatchObject({ exitCode: 0, stdout: '1\n' });
    const error = await rejection(sandbox().runCode(`#${'x'.repeat(16 * 1024 ** 2)}`));
    expect(error).toMatchObject({ code: 'invalid-options' });
    expect(error.message).toMatch(/16777217 bytes; at most 16777216/);
  });

  it('writes nothing when aborted before', async () => {
    const before = (await sandbox().files.list('.')).length;
    const error = await rejection(sandbox().runCode('print(1)', { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ name: 'TaskAbortedError' });
    expect(await sandbox().files.list('.')).toHaveLength(before);
  });

  it('prints at once, in commands too', async () => {
    const code = 'import time\nprint("before")\ntime.sleep(60)';
    expect(await sandbox().exec(['python3', '-c', code], { timeoutMs: 3000 })).toMatchObject({ stdout: 'before\n' });
  });

  it('makes virtual environments without a network', { timeout: 300_000 }, async () => {
    const made = await sandbox().exec('python3 -m venv v && v/bin/python -m pip --version && rm -r v');
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect(made.stdout).toMatch(/^pip /);
  });

  it('says which language an image does not have', async () => {
    const result = await sandbox().runCode('console.log(1)', { language: 'javascript' });
    expect(result).toMatchObject({ outcome: 'spawn-failed', failure: { errno: 'ENOENT', stage: 'exec' } });
    expect(result.failure?.message).toBe(
      "'node': no such file or directory; python has no javascript, the image 'node' has",
    );
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

  it('takes the language of the image', async () => {
    expect(await sandbox().runCode('console.log(typeof require)')).toMatchObject({ stdout: 'function\n' });
  });

  it('is CommonJS or an ES module by its own syntax, whatever lies around, and finds its neighbours', async () => {
    await sandbox().files.write('m/package.json', '{ "type": "module" }');
    await sandbox().files.write('m/es.js', 'export const a = 1;\n');
    await sandbox().files.write('m/common.cjs', 'exports.b = 2;\n');
    await sandbox().files.write('m/node_modules/dep/index.js', 'module.exports = "dep";\n');
    const commonjs =
      'const { b } = require("./common.cjs"); const dep = require("dep"); console.log(b, dep, __filename, __dirname, require.main === module, require.resolve("./common.cjs")); import("./es.js").then(({ a }) => console.log(a))';
    expect(await sandbox().runCode(commonjs, { cwd: 'm' })).toMatchObject({
      stdout: '2 dep /run/ripcord/0/main.js /run/ripcord/0 true /workspace/m/common.cjs\n1\n',
      stderr: '',
    });
    const module =
      'import { a } from "./es.js"; import dep from "dep"; console.log(a, dep, import.meta.dirname, import.meta.resolve("./es.js")); await 1;';
    expect(await sandbox().runCode(module, { cwd: 'm' })).toMatchObject({
      stdout: '1 dep /run/ripcord/0 file:///workspace/m/es.js\n',
      stderr: '',
    });
    const both = await sandbox().runCode('import fs from "node:fs";\nconst path = require("path");');
    expect(both.exitCode).toBe(1);
    expect(both.stderr).toMatch(/is an ES module, because it uses import.*; require belongs to CommonJS\. Use one/);
  });

  it('says what was not found, and runs anywhere', async () => {
    const missing = await sandbox().runCode('require("./nothing")');
    expect(missing.stderr).toMatch(/Cannot find module '.\/nothing'/);
    const options = { cwd: '/', user: 0 };
    expect(await sandbox().runCode('console.log(process.cwd(), __dirname)', options)).toMatchObject({
      stdout: '/ /run/ripcord/0\n',
    });
  });

  it('runs all of typescript, with what it imports from the workspace', async () => {
    await sandbox().files.write(
      'lib.ts',
      'export interface Shape { n: number }\nexport enum Color { Red = 1 }\nexport const enum Size { Big = 9 }\nexport const twice = (n: number): number => n * 2;\n',
    );
    await sandbox().files.write(
      'view.tsx',
      'const h = (...a: any[]) => a;\n/** @jsx h */\nexport const v = <a x={1}>t</a>;\n',
    );
    await sandbox().files.write('old.cts', 'import path = require("node:path");\nexport = { sep: path.sep };\n');
    const code = `import { Shape, Color, Size, twice } from './lib';
import { v } from './view.js';
import old from './old.cjs';
enum Own { A, B }
namespace Outer { export namespace Inner { export const deep = 3 } }
class Point { constructor(private readonly x: number, public y = 2) {} sum() { return this.x + this.y } }
const seen: string[] = [];
function note(value: Function, context: { name: string }) { seen.push(context.name) }
class Decorated { @note run() {} }
const shape: Shape = { n: 21 };
console.log(twice(shape.n), Color.Red, Size.Big, Own.B, Outer.Inner.deep, new Point(1).sum(), seen, v, old.sep);
`;
    const options = { language: 'typescript' } as const;
    expect(await sandbox().runCode(code, options)).toMatchObject({
      exitCode: 0,
      stdout: "42 1 9 1 3 3 [ 'run' ] [ 'a', { x: 1 }, 't' ] /\n",
      stderr: '',
    });
    const commonjs =
      "import fs = require('fs');\nlet x: number = 1;\nconsole.log(typeof fs.readFileSync, __dirname, require.main === module);";
    expect(await sandbox().runCode(commonjs, options)).toMatchObject({ stdout: 'function /run/ripcord/0 true\n' });
    const jsx = 'const React = { createElement: (...a: any[]) => a };\nconsole.log(<b>{1 as number}</b>);';
    expect(await sandbox().runCode(jsx, options)).toMatchObject({ stdout: "[ 'b', null, 1 ]\n", stderr: '' });
  });

  it('transforms decorators as tsconfig.json says', async () => {
    await sandbox().files.write(
      'o/tsconfig.json',
      '{ // old ones\n "compilerOptions": { "experimentalDecorators": true, } }',
    );
    const code =
      'function log(t: any, key: string, d: PropertyDescriptor) { console.log(key, typeof d.value) }\nclass A { @log m() {} }';
    expect(await sandbox().runCode(code, { language: 'typescript', cwd: 'o' })).toMatchObject({
      stdout: 'm function\n',
    });
  });

  it("names typescript's lines in errors", async () => {
    await sandbox().files.write(
      'deep.ts',
      'export interface A {\n  a: 1;\n}\nexport function fail(): never {\n  throw new Error("deep");\n}\n',
    );
    const code = "import { fail } from './deep.ts';\ninterface B {\n  b: 2;\n}\nenum C { D }\nfail();";
    const { stderr } = await sandbox().runCode(code, { language: 'typescript' });
    expect(stderr).toContain('at fail (/workspace/deep.ts:5:9)');
    expect(stderr).toContain('(/run/ripcord/0/main.ts:6:1)');
    const wrong = await sandbox().runCode('const a = 1;\nconst b: number = ;', { language: 'typescript' });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toMatch(/SyntaxError: .*Expression expected[\s\S]*main\.ts:2:/);
  });
});

describe('bash', () => {
  const sandbox = useSandbox(under, { image: 'shell' });

  it('runs bash, arrays and all', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's
    const result = await sandbox().runCode('a=(one two); echo "${a[1]} $1 $(cat)"; [[ x == x ]] && exit 4', {
      args: ['first'],
      stdin: 'typed',
    });
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 4, stdout: 'two first typed\n' });
    const place = await sandbox().runCode('echo "$0"; pwd', { cwd: '/', user: 0 });
    expect(place.stdout).toBe('/run/ripcord/0/main.sh\n/\n');
  });
});

describe('a directory of the host', () => {
  const temp = useTempDirectory();

  it('is never written to, read-only or not', async () => {
    const directory = temp();
    await writeFile(temp('helper.py'), 'X = 5\n');
    for (const readOnly of [false, true]) {
      await using sandbox = await under.manager.create({ workspace: { mode: 'bind', path: directory, readOnly } });
      const code = 'import sys\nsys.dont_write_bytecode = True\nimport helper, os\nprint(helper.X, os.listdir("."))';
      expect(await sandbox.runCode(code)).toMatchObject({ stdout: "5 ['helper.py']\n", stderr: '' });
      const running = sandbox.runCode('print("up")\nimport time\ntime.sleep(600)', {
        onStdout: () => void sandbox.close(),
      });
      expect(await rejection(running)).toMatchObject({ code: 'sandbox-closed' });
      expect(await readdir(directory)).toEqual(['helper.py']);
    }
  });
});
