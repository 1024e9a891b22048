/** The origin of the modules that a test imports: `runTests` takes no helper of the tests from the code under test. */
import { runTests, type Sandbox, type TestOptions } from 'ripcord-sandbox';
import { expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

const WORKSPACE = {
  'solution.py': 'def add(a, b):\n    return a - b\n',
  'hamcrest.py': 'def assert_that(*_): pass\ndef equal_to(x): return x\n',
  'helper.py': 'def same(a, b): return True\n',
  'shapes/__init__.py': '',
  'shapes/flat/area.py': 'def square(x):\n    return x * x\n',
};
let filled: Promise<Sandbox> | undefined;
async function box(): Promise<Sandbox> {
  filled ??= (async () => {
    for (const [path, content] of Object.entries(WORKSPACE)) await sandbox().files.write(path, content);
    return sandbox();
  })();
  return filled;
}

const HAMCREST = `from hamcrest import assert_that, equal_to
from solution import add

def test_add():
    assert_that(add(2, 3), equal_to(5))
`;
const HELPER = 'from helper import same\nfrom solution import add\ndef test_add():\n    assert same(add(2, 3), 5)\n';
const pytest = async (tests: Record<string, string>, more: object = {}) =>
  runTests(await box(), { kind: 'pytest', tests, timeoutMs: 20_000, ...more } as TestOptions);

it('a test library is not taken from the code under test', async () => {
  const report = await pytest({ 'test_it.py': HAMCREST });
  expect(report).toMatchObject({ passed: false, modules: ['solution'] });
  expect(report.reason).toMatch(/No module named 'hamcrest': a test library is not taken from the code under test/);
});

it('with `modules`, nothing else is', async () => {
  expect((await pytest({ 'test_it.py': HAMCREST }, { modules: ['solution'] })).reason).toMatch(
    /modules does not name it/,
  );
  const dynamic = HELPER.replace('from helper import same', 'same = __import__("hel" + "per").same');
  const report = await pytest({ 'test_it.py': dynamic }, { modules: ['solution'] });
  expect(report.reason).toMatch(/No module named 'helper'/);
});

it('without, the list is what the tests import when they are read', async () => {
  const report = await pytest({ 'test_it.py': HELPER });
  // The report says whose `same` that was.
  expect(report).toMatchObject({ passed: true, modules: ['helper', 'solution'] });
  const late = 'from solution import add\ndef test_add():\n    assert __import__("hel" + "per").same(add(2, 3), 5)\n';
  expect((await pytest({ 'test_it.py': late })).reason).toMatch(/No module named 'helper'/);
  const lie = HELPER.replace('same(', 'numpy.allclose(').replace('from helper import same', 'import numpy');
  expect(await pytest({ 'test_it.py': lie })).toMatchObject({ passed: false, modules: ['solution'] });
});

it('helpers of the tests come before those of the workspace', async () => {
  const own = await pytest({ 'test_it.py': HELPER, 'helper.py': 'def same(a, b): return a == b\n' });
  expect(own).toMatchObject({ passed: false, modules: ['solution'] });
  const nested = HELPER.replace('from helper', 'from lib.equal');
  const report = await pytest({ 'unit/test_it.py': nested, 'unit/lib/equal.py': 'def same(a, b): return a == b\n' });
  expect(report).toMatchObject({ passed: false, modules: ['solution'] });
});

it('packages under test are imported as deep as they go, from conftest.py and functions too', async () => {
  const report = await pytest({
    'conftest.py':
      'import pytest\n@pytest.fixture\ndef square():\n    from shapes.flat.area import square\n    return square\n',
    'shapes/test_area.py': `import shapes.flat.area
def test_area(square):
    assert square(3) == 9 == shapes.flat.area.square(3)
`,
  });
  expect(report.reason).toBe('1 of 1 tests passed');
  expect(report.modules).toEqual(['shapes']);
});

it('tests given as source take the one module only', async () => {
  const report = await runTests(await box(), {
    kind: 'calls',
    module: 'solution',
    functions: ['add'],
    tests: 'from hamcrest import assert_that\ndef check(add):\n    assert_that(add(2, 3) == 5)\n',
  });
  expect(report).toMatchObject({ passed: false, modules: ['solution'] });
  expect(report.reason).toMatch(/No module named 'hamcrest'/);
});
