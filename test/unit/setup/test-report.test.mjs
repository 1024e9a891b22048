import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { countTests, summaryOf } from '../../../scripts/setup/test-report.mjs';

const VITEST = new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url).pathname;

test('every test counts once, and a file that cannot be loaded is a failure', () => {
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
    writeFileSync(path.join(directory, 'vitest.config.mjs'), 'export default {}');
    const report = path.join(directory, 'report.json');
    const run = () =>
      execFileSync(process.execPath, [VITEST, 'run', '--reporter=json', `--outputFile=${report}`], {
        cwd: directory,
        stdio: 'ignore',
        env: { PATH: process.env.PATH },
      });
    expect(run).toThrow();
    expect(summaryOf(countTests(readFileSync(report, 'utf8')))).toBe('3 passed, 2 failed, 2 skipped');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
