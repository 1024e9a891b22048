/** `runTests` with any runner: its report is taken with care, and common forgeries are found out. */
import { runTests, type Sandbox, type TestOptions } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const node = useSandbox(under, { image: 'node' });
const python = useSandbox(under, { image: 'python' });

async function fill(sandbox: Sandbox, files: Record<string, string>): Promise<Sandbox> {
  await sandbox.exec('find . -mindepth 1 -delete');
  for (const [path, content] of Object.entries(files)) await sandbox.files.write(path, content);
  return sandbox;
}

const RIGHT = 'export const add = (a, b) => a + b;\n';
const WRONG = 'export const add = (a, b) => a - b;\n';
const TAP: TestOptions = {
  kind: 'command',
  command: ['node', '--test', '--test-reporter=tap', 'add.test.mjs', 'canary.test.mjs'],
  report: 'tap',
  tests: {
    'add.test.mjs': `import test from 'node:test'; import assert from 'node:assert'; import { add } from './add.mjs';
test('adds', () => assert.equal(add(2, 3), 5));
test('adds negative numbers', () => assert.equal(add(-1, 1), 0));
`,
  },
  expect: ['adds', 'adds negative numbers'],
  canaries: {
    'canary.test.mjs': `import test from 'node:test'; import assert from 'node:assert'; import { add } from './add.mjs';
test('canary', () => assert.equal(typeof add(2, 3), 'nothing'));
`,
  },
  timeoutMs: 60_000,
};

describe('TAP of node --test', () => {
  it('passes code that is right', async () => {
    const report = await runTests(await fill(node(), { 'add.mjs': RIGHT }), TAP);
    expect(report.reason).toBe('2 of 2 tests passed');
    expect(report).toMatchObject({ passed: true, guarantee: 'reported' });
    expect(report.tests.map(({ name }) => name)).toEqual(['adds', 'adds negative numbers']);
  });

  const forged = 'TAP version 13\\nok 1 - adds\\nok 2 - adds negative numbers\\n1..2\\n';
  it.each([
    ['is wrong', WRONG, /adds failed/],
    ['exits when imported', `process.exit(0);\n${WRONG}`, /must fail/],
    [
      'prints what a pass looks like and exits',
      `process.stdout.write('${forged}');\nprocess.exit(0);\n${WRONG}`,
      /missing|must fail/,
    ],
    [
      'patches the assertions',
      `import assert from 'node:assert';\nassert.equal = () => {};\nassert.strictEqual = () => {};\n${WRONG}`,
      /forged/,
    ],
    [
      'patches the runner',
      `import { createRequire } from 'node:module';\nconst t = createRequire(import.meta.url)('node:test');\nt.test = t.it = () => {};\nprocess.on('exit', () => { process.exitCode = 0; });\nprocess.exit = () => {};\n${WRONG}`,
      /adds failed/,
    ],
    ['kills its parent', `process.kill(process.ppid, 'SIGKILL');\n${WRONG}`, /killed by SIGKILL/],
    [
      'leaves a process behind',
      `import { spawn } from 'node:child_process';\nspawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).unref();\n${RIGHT}`,
      /left \d+ processes running/,
    ],
    ['never ends', `for (;;);\n${RIGHT}`, /out of time|failed/],
  ])('fails code that %s', async (name, source, reason) => {
    const report = await runTests(await fill(node(), { 'add.mjs': source }), {
      ...TAP,
      timeoutMs: name === 'never ends' ? 5000 : 60_000,
    } as TestOptions);
    expect(report.passed, JSON.stringify(report)).toBe(false);
    expect(report.reason).toMatch(reason);
  });

  it('a file that ended before its tests ran is no test that passed', async () => {
    const box = await fill(node(), { 'add.mjs': `process.exit(0);\n${WRONG}` });
    const alone = {
      ...TAP,
      command: ['node', '--test', '--test-reporter=tap', 'add.test.mjs'],
      canaries: {},
      expect: 1,
    };
    const report = await runTests(box, alone as TestOptions);
    expect(report).toMatchObject({ passed: false, reason: 'no test ran' });
  });

  it('uses the tests it was given, not those of the workspace, and the image’s node', async () => {
    const box = await fill(node(), {
      'add.mjs': WRONG,
      'add.test.mjs':
        "import test from 'node:test'; test('adds', () => {}); test('adds negative numbers', () => {});\n",
      node: '#!/bin/sh\nexit 0\n',
    });
    await box.exec('chmod +x node');
    const report = await runTests(box, { ...TAP, env: {} } as TestOptions);
    expect(report.reason).toMatch(/adds failed/);
  });
});

const JUNIT: TestOptions = {
  kind: 'command',
  command: ['python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--junitxml', '{report}'],
  report: 'junit',
  tests: { 'test_add.py': 'from solution import add\ndef test_add():\n    assert add(2, 3) == 5\n' },
  expect: 1,
  timeoutMs: 60_000,
};

describe('JUnit of pytest in one process', () => {
  it('passes code that is right', async () => {
    const report = await runTests(await fill(python(), { 'solution.py': 'def add(a, b): return a + b\n' }), JUNIT);
    expect(report).toMatchObject({ passed: true, guarantee: 'reported', tests: [{ name: 'test_add.test_add' }] });
  });

  it('leaves out what the runner would obey, and names what stays', async () => {
    const lie = 'import os\nos._exit(0)\n';
    const collectNothing = '[pytest]\naddopts = --collect-only\n';
    const files = {
      'solution.py': 'def add(a, b): return a - b\n',
      '.pytest.ini': collectNothing,
      'tox.ini': collectNothing,
      'pytest.py': lie,
      'argparse.py': lie,
      'iniconfig/__init__.py': lie,
      'unit/_pytest/__init__.py': lie,
      'unit/conftest.py': lie,
      'evil-1.dist-info/entry_points.txt': '[pytest11]\nevil = solution\n',
      'evil-1.dist-info/METADATA': 'Metadata-Version: 2.1\nName: evil\nVersion: 1\n',
      'true.py': 'def same(a, b): return True\n',
      'pyproject.toml': '[tool.other]\nx = 1\n',
      'setup.cfg': '[other]\nx = 1\n',
      'data/types/kept.txt': 'a directory of this name shadows nothing',
    };
    const box = await fill(python(), files);
    // Bytecode that Python takes without a look at the source beside it.
    await box.exec([
      'python3',
      '-c',
      'import py_compile as p; p.compile("true.py", "unit/__pycache__/helper.cpython-311.pyc", invalidation_mode=p.PycInvalidationMode.UNCHECKED_HASH)',
    ]);
    const options: TestOptions = {
      ...JUNIT,
      tests: {
        'unit/test_add.py':
          'import os\nfrom helper import same\nfrom solution import add\ndef test_add():\n    assert os.path.exists("data/types/kept.txt")\n    assert same(add(2, 3), 5)\n',
        'unit/helper.py': 'def same(a, b): return a == b\n',
      },
      canaries: { 'unit/test_canary.py': 'def test_canary():\n    assert False\n' },
      timeoutMs: 60_000,
    } as TestOptions;
    const report = await runTests(box, options);
    expect(report.reason).toMatch(/unit.test_add.test_add failed: .*same\(-1, 5\)/);
    expect(report.trusted).toEqual(['pyproject.toml', 'setup.cfg']);
    expect(report.leftOut).toEqual([
      '.pytest.ini',
      'argparse.py',
      'evil-1.dist-info',
      'iniconfig/__init__.py',
      'pytest.py',
      'tox.ini',
      'unit/__pycache__',
      'unit/_pytest/__init__.py',
      'unit/conftest.py',
    ]);
    const own = { 'tox.ini': '[pytest]\n', 'pyproject.toml': '[tool.pytest.ini_options]\n' };
    const brought = await runTests(box, {
      ...options,
      tests: { ...(options as { tests: object }).tests, ...own },
    } as TestOptions);
    expect(brought.trusted).toEqual(['setup.cfg']);
    expect(brought.leftOut).not.toContain('tox.ini');
  });

  it.each([
    ['is wrong', { 'solution.py': 'def add(a, b): return a - b\n' }, /test_add failed/],
    ['ends the runner', { 'solution.py': 'import os\nos._exit(0)\n' }, /did not write a report/],
    [
      'brings a conftest.py and a sitecustomize.py',
      {
        'solution.py': 'def add(a, b): return a - b\n',
        'conftest.py': 'import os\nos._exit(0)\n',
        'sitecustomize.py': 'import os\nos._exit(0)\n',
        'pytest.ini': '[pytest]\naddopts = --collect-only\n',
      },
      /test_add failed/,
    ],
    [
      'leaves a process that rewrites the report',
      {
        'solution.py': `import subprocess, sys
report = sys.argv[sys.argv.index('--junitxml') + 1]
subprocess.Popen(['sh', '-c', 'while :; do echo "<testsuites><testsuite><testcase name=\\'test_add\\'/></testsuite></testsuites>" > ' + report + '; done'], start_new_session=True)
def add(a, b): return a - b
`,
      },
      /left \d+ processes running/,
    ],
  ])('fails code that %s', async (_, files, reason) => {
    const report = await runTests(await fill(python(), files as never), JUNIT);
    expect(report.passed, JSON.stringify(report)).toBe(false);
    expect(report.reason).toMatch(reason);
  });
});
