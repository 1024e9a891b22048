import { describe, expect, test } from 'vitest';
import { run } from '../../../scripts/setup/run.mjs';

const node = (/** @type {string} */ code) => /** @type {const} */ ([process.execPath, ['-e', code]]);

describe('a command of the set-up', () => {
  test('gives what it printed', async () => {
    await expect(run(...node('console.log("yes")'))).resolves.toBe('yes\n');
  });

  test('reports its lines as they come', async () => {
    /** @type {string[]} */
    const lines = [];
    await run(...node('console.log("a\\nb"); console.error("c")'), { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(['a', 'b', 'c']);
  });

  test('fails with its first and last lines, its exit code and what to do', async () => {
    const failing = run(...node('for (let i = 0; i < 99; i++) console.log(i); process.exitCode = 3'), {
      hint: 'do it',
    });
    const error = await failing.catch((reason) => reason);
    expect(error.message).toContain('exit code 3');
    expect(error.hint).toBe('do it');
    expect(error.tail).toHaveLength(21);
    expect(error.tail.slice(4, 8)).toEqual(['4', '5', '… 79 lines more …', '85']);
    expect(error.tail.at(-1)).toBe('98');
  });

  test('says so when it does not exist', async () => {
    await expect(run('no-such-program', [])).rejects.toThrow('could not be run');
  });

  test('ends at once when the set-up is given up', async () => {
    const abort = new AbortController();
    const running = run(...node('console.log("up"); setInterval(() => {}, 1000)'), {
      signal: abort.signal,
      onLine: () => abort.abort(new Error('another step failed')),
    });
    await expect(running).rejects.toThrow('another step failed');
  });
});
