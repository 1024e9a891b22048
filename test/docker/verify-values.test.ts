/** Values that cross between the code under test and the tests, where Python's own limits would stop them. */
import { runTests, type TestOptions } from 'ripcord-sandbox';
import { beforeAll, describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under);

const NAMES = ['power', 'same', 'is_power', 'keys', 'change', 'fail', 'apply', 'nest', 'depth'];
beforeAll(() =>
  sandbox().files.write(
    'solution.py',
    `from fractions import Fraction
def power(n): return 10**n
def same(x): return x
def is_power(x, n): return x == 10**n and type(x) is int
def keys(n): return {10**n: 1, (1, -10**n): [10**n], 'r': range(0, 10**n), 'f': Fraction(10**n, 3), 's': {10**n}}
def change(values): values.append(10**5000)
def fail(n): raise ValueError(10**n)
def apply(f, n): return f(10**n) + 1
def nest(n, kind):
    value = 0
    for _ in range(n): value = [value] if kind == 'list' else {'a': value} if kind == 'dict' else (value,)
    return value
def depth(value):
    n = 0
    while value != 0:
        value = value['a'] if isinstance(value, dict) else value[0]
        n += 1
    return n
`,
  ),
);
const INTEGERS = `
    assert power(5000) == 10**5000 and power(4301) != 10**4302
    assert power(4999) == 1${'0'.repeat(4999)}
    assert all(same(n) == n for n in (-10**6000, 2**63, 2**63 - 1, -2**63, -2**63 - 1)) and same(True) is True
    assert is_power(10**5000, 5000) and is_power(x=10**5000, n=5000)
    assert keys(5000) == {10**5000: 1, (1, -10**5000): [10**5000], 'r': range(0, 10**5000), 'f': Fraction(10**5000, 3), 's': {10**5000}}
    values = []
    change(values)
    assert values == [10**5000]
    assert apply(lambda n: n - 1, 5000) == 10**5000
    try:
        fail(5000)
    except ValueError as error:
        assert error.args == (10**5000,)
    else:
        assert False
`;
const NESTED = `
    for kind in 'list', 'dict', 'tuple':
        value = nest(500, kind)
        assert depth(value) == 500 and same(value) == value
        assert depth(nest(900, kind)) == 900
`;
const run = {
  calls: (body: string) =>
    runTests(sandbox(), {
      kind: 'calls',
      module: 'solution',
      functions: NAMES,
      tests: `from fractions import Fraction\ndef check(_):${body}`,
      timeoutMs: 30_000,
    } as TestOptions),
  pytest: (body: string) =>
    runTests(sandbox(), {
      kind: 'pytest',
      tests: { 'test_it.py': `from fractions import Fraction\nfrom solution import *\ndef test_it():${body}` },
      timeoutMs: 30_000,
    } as TestOptions),
};

describe.each(Object.entries(run))('%s', (_, judge) => {
  it('integers of any length are values as any other', async () => {
    expect((await judge(INTEGERS)).reason).toBe('1 of 1 tests passed');
    expect((await judge('\n    assert power(5000) == 3\n')).passed).toBe(false);
  });

  it('so are values nested hundreds deep; the limit is named', async () => {
    expect((await judge(NESTED)).reason).toBe('1 of 1 tests passed');
    for (const body of ['nest(2000, "list")', 'v = []; [v := [v] for _ in range(2000)]; same(v)']) {
      expect((await judge(`\n    ${body}\n`)).reason).toMatch(/a value nested more than 1000 deep cannot cross/);
    }
  });
});
