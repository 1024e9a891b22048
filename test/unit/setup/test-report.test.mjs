import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { batteryTable, countTests, summaryOf } from '../../../scripts/setup/test-report.mjs';

const VITEST = new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url).pathname;

test('every test counts once, and a file that cannot be loaded, or whose hook fails, is a failure', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-report-'));
  try {
    const one = `import { test } from '${new URL('../../../node_modules/vitest/dist/index.js', import.meta.url).pathname}';`;
    writeFileSync(
      path.join(directory, 'a.test.mjs'),
      `${one}
      test('passes', () => {});
      test('fails', () => { throw new Error('no') });
      test.skip('is skipped', () => {});
      test.todo('is to be written');
      test.for([1, 2])('is two', () => {});`,
    );
    writeFileSync(path.join(directory, 'b.test.mjs'), `throw new Error('does not load');`);
    writeFileSync(
      path.join(directory, 'c.test.mjs'),
      `${one.replace('test }', 'beforeAll, test }')}
      beforeAll(() => { throw new Error('no') });
      test('never runs', () => {});`,
    );
    writeFileSync(path.join(directory, 'vitest.config.mjs'), 'export default {}');
    const report = path.join(directory, 'report.json');
    const run = () =>
      execFileSync(process.execPath, [VITEST, 'run', '--reporter=json', `--outputFile=${report}`], {
        cwd: directory,
        stdio: 'ignore',
        env: { PATH: process.env.PATH },
      });
    expect(run).toThrow();
    expect(summaryOf(countTests(readFileSync(report, 'utf8')))).toBe('3 passed, 3 failed, 3 skipped');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the battery’s table has what was run, and says what was not', () => {
  const meta = { battery: { engine: 'engine 1', runs: 2, leaks: 0 } };
  const assertionResults = [
    { title: '14 allocate: oom', ancestorTitles: ['memory (runc)'], status: 'passed', meta },
    { title: '3 a daemon: dead', ancestorTitles: ['processes (runc)'], status: 'failed', meta: { battery: { ...meta.battery, runs: 1, leaks: 1 } } }, // biome-ignore format: data
    {
      title: '14 allocate: oom',
      ancestorTitles: ['memory (runsc, which this engine does not know)'],
      status: 'skipped',
    },
    { title: 'something else', ancestorTitles: [], status: 'passed' },
  ];
  const table = batteryTable(JSON.stringify({ startTime: Date.UTC(2026, 0, 2), testResults: [{ assertionResults }] }));
  expect(table).toContain('a run of 2026-01-02 (engine 1)');
  expect(table).toContain('**Cases 2, runs 3, failed 1, left behind 1.**');
  expect(table).toContain('Not run, because the engine did not know the runtime: 1 (runsc).');
  expect(table).toContain(
    '| | case | runc |\n|---|---|---|\n| 3 | a daemon: dead | failed |\n| 14 | allocate: oom | passed, 2 runs |\n',
  );
});
