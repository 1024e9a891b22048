/** Objects of the code under test in comparisons: what they say of themselves decides none of them. */
import { runTests, type TestOptions } from 'ripcord-sandbox';
import { expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

/** Every form of a test that f(3.5) is 0.5, [0.5] or a date, with one test for each in a file. */
const NUMBERS = [
  'abs(f(3.5) - 0.5) < 1e-6',
  'abs(0.5 - f(3.5)) < 1e-6',
  'abs(-(f(3.5) - 0.5)) < 1e-6',
  '(f(3.5) - 0.5) ** 2 < 1e-6',
  '(lambda d: d * d)(f(3.5) - 0.5) < 1e-6',
  'round(abs(f(3.5) - 0.5), 6) == 0',
  'not (f(3.5) - 0.5)',
  'bool(f(3.5) - 0.5) is False',
  'np.abs(f(3.5) - 0.5) < 1e-6',
  'np.linalg.norm(f(3.5) - 0.5) < 1e-6',
  'np.abs(f(3.5) - np.array([0.5])).max() < 1e-6',
  'all(abs(d) < 1e-6 for d in f(3.5) - np.array([0.5]))',
  'np.abs(np.array([0.5]) - f(3.5)).max() < 1e-6',
  'np.isclose(f(3.5), 0.5)',
  'np.allclose(f(3.5), np.array([0.5]))',
  'np.testing.assert_allclose(f(3.5), 0.5) is None',
  'abs(f(np.array([3.5])) - 0.5).max() < 1e-6',
  '(f(np.array([3.5])) - 0.5).max() == 0',
  '(f(3.5) - 0.5).real == 0',
  '(0.5 - f(3.5)).real == 0',
  '(f(3.5) - 0.5).is_integer()',
  'str(f(3.5) - 0.5) == "0.0"',
  'f"{f(3.5) - 0.5:.1f}" == "0.0"',
  'max(f(3.5), 0.5) == 0.5',
  'f(3.5) <= 0.5',
  'math.isclose(f(3.5), 0.5)',
  'f(3.5) == pytest.approx(0.5)',
  'pytest.approx(0.5) == f(3.5)',
  '0.5 == f(3.5)',
  'f(3.5) in [0.5]',
  'f(3.5) - 0.5 == f(4.5) - 0.5',
  'unittest.TestCase().assertAlmostEqual(f(3.5), 0.5) is None',
];
const LISTS = [
  'pytest.approx([0.5]) == many(3.5)',
  'many(3.5) == pytest.approx([0.5])',
  '(lambda r: len(r) == 1 and all(abs(a - b) < 1e-6 for a, b in zip(r, [0.5])))(many(3.5))',
  '(lambda r: len(r) == 1 and not [a for a in r if a != 0.5])(many(3.5))',
  '[0.5] == many(3.5)',
  '0.5 in many(3.5)',
  'set(many(3.5)).issubset({0.5}) and many(3.5)[0] == 0.5',
  'unittest.TestCase().assertCountEqual(many(3.5), [0.5]) is None',
  'set_of(3.5).issubset({0.5})',
  'not set_of(3.5).isdisjoint({0.5})',
  'word(3.5).startswith("0.")',
];
const DATES = [
  '(day(1) - datetime.datetime(2020, 1, 1)).total_seconds() == 0',
  'abs(day(1) - datetime.datetime(2020, 1, 1)) < datetime.timedelta(seconds=1)',
  '(datetime.datetime(2020, 1, 1) - day(1)).days == 0',
  '(day(1) - datetime.timedelta(days=1)).day == 31',
];
const IDIOMS = [...NUMBERS, ...LISTS, ...DATES];
const NAMES = ['f', 'many', 'set_of', 'word', 'day'];
const SETUP = 'import datetime, math, pytest, unittest\nimport numpy as np\n';
const TESTS = IDIOMS.map((idiom, index) => `def test_${index}():\n    assert ${idiom}\n`).join('');

const HONEST = `import datetime
def f(x): return x % 1
def many(x): return [x % 1]
def set_of(x): return {x % 1}
def word(x): return str(x % 1)
def day(n): return datetime.datetime(2020, 1, n)
`;
/** Results of a lying object's arithmetic. */
const LIARS = {
  zero: '0',
  itself: 'self',
  'another object that calls itself nothing': 'type(self)()',
};
const liar = (difference: string) => `class C:
    def __init__(self): self.asked = 0
    __sub__ = __rsub__ = __add__ = __radd__ = lambda self, other: ${difference}
    __mul__ = __pow__ = __round__ = lambda self, *other: 0.0
    __abs__ = __neg__ = lambda self: ${difference}
    __getitem__ = lambda self, index: [0.0][index]
    __iter__ = lambda self: iter(())
    __bool__ = lambda self: False
    __float__ = lambda self: 0.5
    __str__ = lambda self: '0.0'
    __format__ = lambda self, spec: '0.0'
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __contains__ = lambda self, other: True
    __hash__ = lambda self: hash(0.5)
    real, days, day = 0, 0, 31
    def __len__(self):
        self.asked += 1
        return 1 if self.asked < 3 else 0
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *args, **kw: True if name in ('issubset', 'startswith', 'is_integer') else 0
def f(*args): return C()
many = set_of = word = day = f
`;

const calls = async (solution: string, tests = TESTS) => {
  await sandbox().files.write('solution.py', solution);
  return runTests(sandbox(), {
    kind: 'calls',
    module: 'solution',
    functions: NAMES,
    setup: SETUP,
    tests,
    timeoutMs: 60_000,
  } as TestOptions);
};
const passing = (report: Awaited<ReturnType<typeof calls>>) =>
  report.tests.filter(({ status }) => status === 'passed').map(({ name }) => IDIOMS[Number(name.slice(5))]);

it('right code passes in every form', async () => {
  const report = await calls(HONEST);
  expect(report.tests.filter(({ status }) => status !== 'passed')).toEqual([]);
  expect(report.reason).toBe(`${IDIOMS.length} of ${IDIOMS.length} tests passed`);
});

it.each(Object.entries(LIARS))('an object passes in none whose difference to everything is %s', async (_, value) => {
  const report = await calls(liar(value));
  expect(report.tests).toHaveLength(IDIOMS.length);
  expect(passing(report)).toEqual([]);
  for (const { status, message } of report.tests) {
    if (status === 'error') expect(message).toMatch(/^TypeError/);
  }
});

it('a class is not believed as the tests’ own because it is also given where they take a function', async () => {
  const source = `${liar('self')}f = many = set_of = word = day = Number = type('Number', (C,), {'__init__': lambda self, *args: setattr(self, 'asked', 0)})\n`;
  expect(passing(await calls(source))).toEqual([]);
});

it('a function with a capitalised name makes no object of the tests', async () => {
  await sandbox().files.write('solution.py', `${liar('self')}def Add(a, b): return C()\n`);
  const tests = 'def test_add():\n    assert (Add(2, 3) - 5).total_seconds() == 0\n';
  const options: TestOptions = { kind: 'calls', module: 'solution', functions: ['Add'], tests, timeoutMs: 60_000 };
  const report = await runTests(sandbox(), options);
  expect(report.tests).toMatchObject([{ name: 'test_add', status: 'error' }]);
});

it('objects that the tests make themselves compute, hold and compare', async () => {
  await sandbox().files.write(
    'vector.py',
    `class Vector:
    def __init__(self, *parts): self.parts = parts
    def __mul__(self, other):
        if isinstance(other, Vector): return sum(a * b for a, b in zip(self.parts, other.parts))
        return Vector(*(part * other for part in self.parts))
    __rmul__ = __mul__
    def __add__(self, other): return Vector(*(a + b for a, b in zip(self.parts, other.parts)))
    def __radd__(self, other): return self if other == 0 else NotImplemented
    def __neg__(self): return self * -1
    def __abs__(self): return (self * self) ** 0.5
    def __getitem__(self, index): return self.parts[index]
    def __len__(self): return len(self.parts)
    def __eq__(self, other): return self.parts == other.parts
    def __contains__(self, item): return item in self.parts
class Trie:
    def __contains__(self, word): return word == 'a'
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
def make(*parts): return Vector(*parts)
def numbers(n): yield from range(n)
`,
  );
  const test = `
import pytest, vector
from vector import Stack, Trie, Vector, make, numbers

def test_vector():
    v, w = Vector(3, 4), Vector(1, 2)
    assert v * 2 == Vector(6, 8) and 2 * v == v * 2 and v * 2 != w
    assert -v == Vector(-3, -4) and -(v * 2) == Vector(-6, -8)
    assert (v * 2).parts == (6, 8) and (v * 2)[1] == 8 and list(v * 2) == [6, 8]
    assert v * w == 11
    assert sum([v, w]) == Vector(4, 6) and ((v + w) * 2).parts == (8, 12)
    assert abs(v) == 5
    assert 3 in v and 5 not in v and 'a' in Trie() and 'b' not in Trie()
    assert (v * 2 + w).parts == (7, 10)
    assert pytest.approx([3.0, 4.0]) == v and (vector.Vector(1, 2) * 3).parts == (3, 6)

def test_given():
    v = make(1, 2)
    assert v.parts == (1, 2) and v == Vector(1, 2) and len(v) == 2 and list(v) == [1, 2] and 2 in v and 3 not in v
    assert list(numbers(3)) == [0, 1, 2] and 2 in numbers(3)

def test_length():
    stack = Stack()
    assert len(stack) == 0 and list(stack) == []
    stack.push(1)
    assert len(stack) == 1 and list(stack) == [1] and sorted(stack) == [1]
`;
  const report = await runTests(sandbox(), { kind: 'pytest', tests: { 'test_it.py': test }, timeoutMs: 20_000 });
  expect(report.reason).toBe('3 of 3 tests passed');
});
