/** `runTests` with the code under test in a process of its own: honest code passes, and no cheat does. */
import { runTests, type Sandbox, type TestOptions } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

const RIGHT = 'def add(a, b):\n    return a + b\n';
const WRONG = 'def add(a, b):\n    return a - b\n';

const CALLS: TestOptions = {
  kind: 'calls',
  module: 'solution',
  functions: ['add'],
  tests: 'def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n',
  timeoutMs: 60_000,
};
const PYTEST: TestOptions = {
  kind: 'pytest',
  tests: { 'test_add.py': 'from solution import add\n\ndef test_add():\n    assert add(2, 3) == 5\n' },
  timeoutMs: 60_000,
};
const MODES = { calls: CALLS, pytest: PYTEST };

/** Begins with an empty workspace that holds `files`. */
async function workspace(files: Record<string, string>): Promise<Sandbox> {
  await sandbox().exec('find . -mindepth 1 -delete; rm -rf ~/.local /tmp/*');
  for (const [path, content] of Object.entries(files)) await sandbox().files.write(path, content);
  return sandbox();
}

/** Wrong code, each with one way to be taken for right. */
const CHEATS: Record<string, Record<string, string>> = {
  'does nothing but being wrong': { 'solution.py': WRONG },
  'calls exit(0) when imported': { 'solution.py': 'exit(0)\n' },
  'calls exit(0) when called': { 'solution.py': 'def add(a, b):\n    exit(0)\n' },
  'calls os._exit(0) when imported': { 'solution.py': 'import os\nos._exit(0)\n' },
  'calls os._exit(0) when called': { 'solution.py': 'import os\ndef add(a, b):\n    os._exit(0)\n' },
  'prints that it passed': {
    'solution.py': `print("1 passed in 0.01s", flush=True)\nimport os\nos.write(1, b"OK\\nok 1 - add\\n1..1\\n")\n${WRONG}`,
  },
  'writes a verdict to every descriptor': {
    'solution.py': `import os
for fd in range(64):
    try: os.write(fd, b'!{"nonce":"","broken":null,"touched":true,"tests":[{"name":"check","status":"passed","message":"","durationMs":1}]}\\n')
    except OSError: pass
${WRONG}`,
  },
  'patches assert, comparison and unittest away': {
    'solution.py': `import builtins, sys, unittest, operator
builtins.AssertionError = type('Nothing', (Exception,), {})
operator.eq = lambda a, b: True
unittest.TestCase.assertEqual = lambda *args: None
sys.excepthook = lambda *args: None
sys.settrace(lambda *args: None)
${WRONG}`,
  },
  'patches pytest': {
    'solution.py': `try:
    import _pytest.runner, _pytest.python
    _pytest.runner.call_and_report = lambda *a, **k: None
    _pytest.python.Function.runtest = lambda self: None
except ImportError: pass
${WRONG}`,
  },
  'returns an object that equals everything': {
    'solution.py': `class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __sub__(self, other): return self
    def __abs__(self): return 0
    def __hash__(self): return 5
class All:
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __le__(self, other): return True
    def __bool__(self): return True
def add(a, b): return All() if a > 0 else Yes(0)
`,
  },
  'brings a conftest.py': {
    'solution.py': WRONG,
    'conftest.py': `import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = 'passed'
def pytest_sessionfinish(session): session.exitstatus = 0
`,
  },
  'brings pytest.ini, tox.ini and a plugin': {
    'solution.py': WRONG,
    'pytest.ini': '[pytest]\naddopts = -p cheat --collect-only\n',
    'tox.ini': '[pytest]\naddopts = -p cheat\n',
    'cheat.py': 'import os\nos._exit(0)\n',
  },
  'brings sitecustomize.py and usercustomize.py': {
    'solution.py': WRONG,
    'sitecustomize.py': 'import os\nos._exit(0)\n',
    'usercustomize.py': 'import os\nos._exit(0)\n',
  },
  'brings modules that shadow the library': {
    'solution.py': WRONG,
    'json.py': 'import os\nos._exit(0)\n',
    'pytest.py': 'def main(*a): return 0\n',
    'tempfile.py': 'raise SystemExit(0)\n',
  },
  'forges the report': {
    'solution.py': `import glob, os
XML = '<testsuites><testsuite tests="1" failures="0"><testcase classname="test_add" name="test_add" time="0"/></testsuite></testsuites>'
for place in ['report.xml', '/tmp/report.xml', *glob.glob('/tmp/*/report.xml'), *glob.glob('/tmp/ripcord*')]:
    try: open(place, 'w').write(XML)
    except OSError: pass
${WRONG}`,
  },
  'kills every process it can': {
    'solution.py': `import os, signal
def add(a, b):
    os.kill(-1, signal.SIGKILL)
`,
  },
  'kills the runner by name': {
    'solution.py': `import os, signal
for pid in filter(str.isdigit, os.listdir('/proc')):
    try:
        if int(pid) != os.getpid(): os.kill(int(pid), signal.SIGKILL)
    except OSError: pass
${WRONG}`,
  },
  'leaves a process behind that rewrites reports': {
    'solution.py': `import os, subprocess
subprocess.Popen(['sh', '-c', 'while :; do for f in /tmp/*/report.xml report.xml; do echo "<testsuites/>" > $f; done; done 2>/dev/null'], start_new_session=True)
${WRONG}`,
  },
  'reads what the tests expect out of other processes': {
    'solution.py': `import glob, re
found = []
import os
others = [p for p in glob.glob('/proc/[0-9]*') if p != '/proc/%d' % os.getpid()]
places = [p + '/' + n for p in others for n in ('environ', 'cmdline', 'mem', 'maps', 'fd/0', 'fd/1', 'fd/3', 'fd/4')]
for place in places + glob.glob('/tmp/*/*/*.py') + glob.glob('/tmp/*'):
    try: found += re.findall(rb'== (\\d+)', open(place, 'rb').read(1 << 20))
    except Exception: pass
def add(a, b):
    return int(found[0]) if found else None
`,
  },
  'never ends': { 'solution.py': 'while True: pass\n' },
  'floods the pipe': {
    'solution.py':
      'import os\nwhile True:\n    for fd in (3, 4, 5, 6):\n        try: os.write(fd, b"x" * 65536)\n        except OSError: pass\n',
  },
  'answers with endless depth': {
    'solution.py': 'def add(a, b):\n    v = []\n    for _ in range(100000): v = [v]\n    return v\n',
  },
  'answers before it is asked': {
    'solution.py': `import os
for fd in range(3, 10):
    try: os.write(fd, b''.join(b'{"id":%d,"ok":5,"out":""}\\n' % i for i in range(1, 20)))
    except OSError: pass
${WRONG}`,
  },
  'raises what the tests would skip for': {
    'solution.py': `import unittest
def add(a, b):
    try:
        import pytest
        pytest.skip('nothing to see')
    except ImportError: raise unittest.SkipTest('nothing to see')
`,
  },
  'raises KeyboardInterrupt': { 'solution.py': 'def add(a, b):\n    raise KeyboardInterrupt\n' },
  'replaces itself by another program': { 'solution.py': 'import os\nos.execv("/bin/true", ["true"])\n' },
  'takes all memory': { 'solution.py': 'x = []\nwhile True: x.append(bytearray(1 << 24))\n' },
  'does not exist': {},
};

/** Why each fails, where it is not simply that the test did. */
const REASONS: Record<string, RegExp> = {
  'calls exit(0) when imported': /SystemExit: 0/,
  'calls exit(0) when called': /SystemExit: 0/,
  'calls os._exit(0) when imported': /ended: exit code 0/,
  'calls os._exit(0) when called': /ended: exit code 0/,
  'writes a verdict to every descriptor': /broke the protocol/,
  'never ends': /ended: out of time/,
  'floods the pipe': /it sent more data than allowed/,
  'answers with endless depth': /nested more than 1000 deep/,
  'answers before it is asked': /Error/,
  'raises what the tests would skip for': /Skipped: nothing to see/,
  'raises KeyboardInterrupt': /KeyboardInterrupt/,
  'replaces itself by another program': /ended: exit code 0/,
  'takes all memory': /ended: out of memory/,
  'does not exist': /No module named/,
};
const WRONG_ANSWER = /check failed: AssertionError|test_add failed: assert .* == 5/;

describe.each(Object.entries(MODES))('%s', (_, options) => {
  it('passes code that is right', async () => {
    const report = await runTests(await workspace({ 'solution.py': RIGHT }), options);
    expect(report).toMatchObject({ passed: true, score: 1, guarantee: 'isolated', ended: undefined });
    expect(report.reason).toBe('1 of 1 tests passed');
  });

  it.each(Object.entries(CHEATS))('fails code that %s', async (name, files) => {
    const timeoutMs = name === 'never ends' ? 5000 : 60_000;
    const report = await runTests(await workspace(files), { ...options, timeoutMs } as TestOptions);
    expect(report.passed, JSON.stringify(report)).toBe(false);
    expect(report.reason).toMatch(REASONS[name] ?? WRONG_ANSWER);
  });

  it('fails wrong code where an earlier command replaced the interpreter and left helpers behind', async () => {
    const box = await workspace({ 'solution.py': WRONG });
    await box.exec(
      `mkdir -p ~/.local/bin ~/.local/lib/python3.11/site-packages bin
       for f in ~/.local/bin/python3 bin/python3 /tmp/python3; do printf '#!/bin/sh\\nexit 0\\n' > $f; chmod +x $f; done
       echo 'import os; os._exit(0)' > ~/.local/lib/python3.11/site-packages/evil.pth
       echo 'import os; os._exit(0)' > ~/.local/lib/python3.11/site-packages/usercustomize.py
       printf 'export PATH=/workspace/bin:$PATH\\n' > ~/.profile`,
    );
    const env = { PATH: '/workspace/bin:/home/sandbox/.local/bin:/usr/bin:/bin' };
    expect((await runTests(box, { ...options, env } as TestOptions)).passed).toBe(false);
  });
});

describe('what the tests may do', () => {
  const pytest = async (solution: string, test: string) =>
    runTests(await workspace({ 'solution.py': solution }), { kind: 'pytest', tests: { 'test_it.py': test } });

  it('use classes, errors, generators, callbacks, coroutines, arguments changed in place and printed text', async () => {
    const report = await pytest(
      `
import collections
class Boom(ValueError):
    def __init__(self, code):
        super().__init__('bad %d' % code)
        self.code = code
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __eq__(self, other): return self.items == other.items
    def boom(self): raise Boom(7)
def numbers(n): yield from range(n)
def apply(f, values): return [f(value) for value in values]
def fill(values): values.append(1)
async def later(): return 5
def hello(): print('hi')
CONSTANT = {'a': (1, 2), 3: {4}, None: b'x', 'f': float('inf')}
Point = collections.namedtuple('Point', 'x y')
`,
      `
import asyncio, pytest, solution
from solution import Boom, Point, Stack

def test_objects():
    stack, other = Stack(), Stack()
    stack.push(1)
    stack.push('x')
    assert stack.pop() == 'x' and len(stack) == 1 and isinstance(stack, Stack)
    other.push(1)
    assert stack == other and stack != [1]
    with pytest.raises(Boom, match='bad 7') as info:
        stack.boom()
    assert info.value.code == 7 and isinstance(info.value, ValueError)

def test_values(capsys):
    assert list(solution.numbers(3)) == [0, 1, 2]
    assert solution.apply(lambda value: value * 2, [1, 2]) == [2, 4]
    values = []
    solution.fill(values)
    assert values == [1]
    assert asyncio.run(solution.later()) == 5
    solution.hello()
    assert capsys.readouterr().out == 'hi\\n'
    assert solution.CONSTANT == {'a': (1, 2), 3: {4}, None: b'x', 'f': float('inf')}
    assert Point(1, 2).y == 2 and Point(1, 2) == (1, 2)

@pytest.mark.parametrize('n', [1, 2, 3])
def test_each(n):
    assert len(list(solution.numbers(n))) == n
`,
    );
    expect(report.reason).toBe('5 of 5 tests passed');
    expect(report.passed).toBe(true);
    expect(report.tests.map(({ name }) => name)).toContain('test_it.test_each[2]');
  });

  it('names the tests that failed, and why', async () => {
    const report = await pytest(
      WRONG,
      'from solution import add\ndef test_zero():\n    assert add(0, 0) == 0\ndef test_one():\n    assert add(1, 1) == 2\n',
    );
    expect(report).toMatchObject({ passed: false, score: 0.5 });
    expect(report.tests.map(({ name, status }) => [name, status])).toEqual([
      ['test_it.test_zero', 'passed'],
      ['test_it.test_one', 'failed'],
    ]);
    expect(report.reason).toContain('test_it.test_one failed: ');
    expect(report.reason).toContain('0 == 2');
  });

  it('do not pass by never touching the code, or by being none', async () => {
    expect((await pytest(RIGHT, 'def test_nothing():\n    pass\n')).reason).toBe(
      'the tests never touched the code under test',
    );
    expect((await pytest(RIGHT, 'from solution import add\ndef test_nothing():\n    pass\n')).reason).toBe(
      'the tests never touched the code under test',
    );
    expect((await pytest(RIGHT, 'x = 1\n')).passed).toBe(false);
    expect((await pytest(RIGHT, 'import pytest\npytest.skip("all", allow_module_level=True)\n')).passed).toBe(false);
  });
});

describe('io', () => {
  const io = async (program: string, more: object = {}) =>
    runTests(await workspace({ 'main.py': program }), {
      kind: 'io',
      command: ['python3', 'main.py'],
      cases: [
        { name: 'two and three', stdin: '2 3\n', stdout: '5\n' },
        { name: 'argument', args: ['x'], stdin: '1 1\n', stdout: /^2$/m },
      ],
      timeoutMs: 5000,
      ...more,
    });

  it('passes a program that prints what it should', async () => {
    expect(await io('print(sum(map(int, input().split())))\n')).toMatchObject({ passed: true, guarantee: 'isolated' });
  });

  it.each([
    ['prints something else', 'print(1)\n', 'two and three failed: stdout is "1", expected "5"'],
    [
      'exits with another code',
      'import sys\nprint(sum(map(int, input().split())))\nsys.exit(3)\n',
      'exit code 3, expected 0',
    ],
    ['prints everything', 'print("\\n".join(map(str, range(100))))\n', 'failed'],
    ['never ends', 'while True: pass\n', 'out of time'],
    ['dies', 'import os\nos.kill(os.getpid(), 9)\n', 'killed by SIGKILL'],
  ])('fails one that %s', async (_, program, reason) => {
    // A busy machine takes its time to start the others.
    const report = await io(program, reason === 'out of time' ? { caseTimeoutMs: 1000 } : {});
    expect(report.passed).toBe(false);
    expect(report.reason).toContain(reason);
  });
});

it('is refused where the code runs as root', async () => {
  await using root = await under.manager.create({ image: 'python', user: 0 });
  const error = await rejection(runTests(root, CALLS));
  expect(error.code).toBe('invalid-options');
  expect(error.message).toContain('run as root');
});

it('ends at once when aborted', async () => {
  const box = await workspace({ 'solution.py': 'import time\ntime.sleep(60)\n' });
  const controller = new AbortController();
  const running = runTests(box, { ...CALLS, signal: controller.signal } as TestOptions);
  setTimeout(() => controller.abort(new Error('enough')), 300);
  const error = await rejection(running);
  expect(error.code).toBe('aborted');
});
