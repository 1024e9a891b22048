/** `runTests` runs everything that looks like a test, or refuses it by name. Code that no test checks does not pass. */
import { runTests, type TestOptions, type TestReport } from 'ripcord-sandbox';
import { beforeAll, describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

const COMMON = `
async def later(x): return f(x)
def apply(g, x):
    try: return g(f(x))
    except BaseException: return None
`;
beforeAll(async () => {
  await sandbox().files.write('right.py', `def f(x): return x + 1\n${COMMON}`);
  await sandbox().files.write('wrong.py', `def f(x): return x\n${COMMON}`);
});

/** Each fails for wrong code, if it runs. */
const SUITE = `
import unittest

def test_plain():
    assert f(1) == 2
async def test_async():
    assert f(1) == 2
async def test_await():
    assert await later(1) == 2
def test_returned():
    return f(1) == 2
def test_callback():
    def expect(x):
        assert x == 2
    apply(expect, 1)
class TestClass:
    @classmethod
    def setup_class(cls): cls.one = 1
    def setup_method(self): self.two = 2
    def test_method(self):
        assert f(self.one) == self.two
    async def test_async_method(self):
        assert f(1) == 2
class Mixin:
    def test_inherited(self):
        assert f(self.one) == 2
class TestInherits(Mixin):
    one = 1
class Case(unittest.TestCase):
    def setUp(self): self.one = 1
    def test_case(self):
        self.assertEqual(f(self.one), 2)
    def test_subtests(self):
        for i in (1, 2):
            with self.subTest(i=i):
                self.assertEqual(f(i), i + 1)
class AsyncCase(unittest.IsolatedAsyncioTestCase):
    async def test_async_case(self):
        self.assertEqual(await later(1), 2)
`;
const FOR_CALLS = `
import functools
class Callable:
    def __call__(self):
        assert f(1) == 2
test_object = Callable()
test_partial = functools.partial(lambda x: f(x) == 2, 1)
async def check(g):
    assert g(1) == 2
`;
const IMPORT = 'import pytest\nfrom MODULE import f, later, apply\n';

const calls = (tests: string, module = 'right', more: object = {}) =>
  runTests(sandbox(), {
    kind: 'calls',
    module,
    functions: ['f', 'later', 'apply'],
    tests,
    timeoutMs: 20_000,
    ...more,
  } as TestOptions);
const pytest = (tests: string, module = 'right', more: object = {}) =>
  runTests(sandbox(), {
    kind: 'pytest',
    tests: { 'test_it.py': IMPORT.replace('MODULE', module) + tests },
    timeoutMs: 20_000,
    ...more,
  } as TestOptions);
const withStatus = ({ tests }: TestReport, status: string) =>
  tests.filter((test) => test.status === status).map(({ name }) => name);

describe.each([
  ['calls', calls, SUITE + FOR_CALLS, 14],
  ['pytest', pytest, SUITE, 11],
] as const)('%s', (_, run, suite, count) => {
  it('runs functions, coroutines, classes and cases of unittest', async () => {
    const right = await run(suite);
    expect(right.reason).toBe(`${count} of ${count} tests passed`);
    expect(withStatus(await run(suite, 'wrong'), 'passed')).toEqual([]);
  });

  it.each([
    ['a generator', 'def test_it():\n    yield\n    assert f(1) == 2\n', /test_it.* the test is a generator/],
    ['an asynchronous generator', 'async def test_it():\n    yield\n    assert f(1) == 2\n', /test_it.* a generator/],
    [
      'a coroutine that unittest does not await',
      'import unittest\nclass Case(unittest.TestCase):\n    async def test_it(self):\n        self.assertEqual(f(1), 2)\n',
      /Case\.test_it error: unittest awaits only/,
    ],
    [
      'a class with __init__',
      'class TestIt:\n    def __init__(self): pass\n    def test_it(self):\n        assert f(1) == 2\n',
      /TestIt.*the class has an __init__/,
    ],
    [
      'a class of no known name',
      'class ItTests:\n    def test_it(self):\n        assert f(1) == 2\n',
      /ItTests.*neither a TestCase nor called Test/,
    ],
  ])('refuses %s by name, beside a test that passes', async (__, tests, reason) => {
    const report = await run(`${tests}\ndef test_other():\n    assert f(1) == 2\n`);
    expect(report.passed, JSON.stringify(report)).toBe(false);
    expect(report.reason).toMatch(reason);
  });

  it('does not pass where no check ran', async () => {
    for (const tests of ['def verify():\n    assert f(1) == 2\n', 'x = 1\n']) {
      expect((await run(tests, 'wrong')).passed).toBe(false);
    }
  });

  it('skipped tests neither pass nor fail, or fail the run', async () => {
    const skipped = 'import unittest\n@unittest.skip("not now")\ndef test_skipped():\n    assert f(1) == 3\n';
    const mixed = `${skipped}def test_it():\n    assert f(1) == 2\n`;
    expect((await run(skipped)).reason).toBe('no test ran');
    expect(await run(mixed)).toMatchObject({ passed: true, score: 1, reason: '1 of 1 tests passed' });
    const strict = await run(mixed, 'right', { skipped: 'fail' });
    expect(strict).toMatchObject({ passed: false, score: 0.5 });
    expect(strict.reason).toMatch(/test_skipped skipped: .*not now/);
  });
});

it('calls: says what nothing calls', async () => {
  const guarded = 'def main():\n    assert f(1) == 2\nif __name__ == "__main__":\n    main()\n';
  expect((await calls(guarded)).reason).toBe('the tests never touched the code under test: nothing calls main');
});
