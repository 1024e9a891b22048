import { expect, test } from 'vitest';
import { obeyedBy, RUNNERS, runnersOf } from '../../../src/verify/runner-files.js';

const runner = (...command: string[]) => {
  const found = runnersOf(command);
  return Object.keys(RUNNERS).filter((name) => found.includes(RUNNERS[name]!));
};

test.each([
  [['python3', '-m', 'pytest', '-q'], ['pytest']],
  [['/usr/bin/py.test-3'], ['pytest']],
  [['python3', '-m', 'unittest', 'discover'], ['unittest']],
  [['node', '--test', 'a.test.mjs'], ['node']],
  [['npx', 'vitest', 'run'], ['vitest']],
  [
    ['sh', '-c', 'cd web && npx jest; pytest'],
    ['pytest', 'jest'],
  ],
  [['go', 'test', './...'], ['go']],
  [['node_modules/.bin/mocha'], ['mocha']],
])('%j is run by %j', (command, names) => expect(runner(...command)).toEqual(names));

test('a command that names no runner may run any', () => {
  expect(runner('make', 'test')).toEqual(Object.keys(RUNNERS));
  const patterns = obeyedBy(['make', 'test'], ['.']);
  expect(patterns).toEqual(expect.arrayContaining(['conftest.py', 'vitest.config.*', '*_test.go', './pytest.py']));
  // A directory `types` of a project in another language stays.
  expect(patterns.filter((pattern) => pattern.startsWith('./types'))).toEqual([]);
});

test('modules are left out where the runner would look for them', () => {
  const patterns = obeyedBy(['pytest'], ['.', 'unit']);
  expect(patterns).toEqual(expect.arrayContaining(['./json.py', './unit/pytest/__init__.*', './_pytest.*.so']));
  expect(patterns).not.toContain('./json');
  expect(obeyedBy(['npx', 'vitest'], ['.']).filter((pattern) => pattern.startsWith('./'))).toEqual([]);
});
