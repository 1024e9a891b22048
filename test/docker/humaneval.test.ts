import { describe, expect, it } from 'vitest';
import { leftOf, NOTHING, ripcord, start } from './cli-process.js';

describe('ripcord humaneval', () => {
  it('judges the first problems, each in a fresh sandbox, and proves that nothing is left', async () => {
    const { stdout, code, pid } = await ripcord(['humaneval', '--limit', '4', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      problems: 4,
      judged: 4,
      passed: 4,
      outcomes: [{ outcome: 'passed', count: 4, programMs: { median: expect.any(Number), p95: expect.any(Number) } }],
      receipt: { sandboxes: 4, left: { containers: 0, volumes: 0, directories: 0 }, errors: [] },
    });
    expect(code).toBe(0);
    expect(await leftOf(pid)).toEqual(NOTHING);
  });

  it('shows progress in lines and the outcomes in a table', async () => {
    const { stdout, stderr } = await ripcord(['humaneval', '--limit', '3', '--concurrency', '2']);
    expect(stderr).toMatch(/1\/3 {3}passed 1/);
    expect(stdout).toMatch(/passed +3 /);
    expect(stdout).toMatch(/3 of 3 passed in /);
    expect(stdout).toMatch(/left behind: containers 0, volumes 0, directories 0/);
  });

  it('lists what does not pass, and exits with 1', async () => {
    const { stdout, code } = await ripcord(['humaneval', '--limit', '2', '--timeout', '1ms']);
    expect(stdout).toMatch(/timeout +2 /);
    expect(stdout).toMatch(/HumanEval\/0 +timeout/);
    expect(stdout).toMatch(/0 of 2 passed/);
    expect(code).toBe(1);
  });

  it('ends with Ctrl+C, with what is known by then and nothing left', async () => {
    using running = start(['humaneval']);
    await running.waitFor(/passed [1-9]/);
    const ended = await running.signal('SIGINT');
    expect(ended.code).toBe(130);
    expect(ended.stdout).toMatch(/passed +\d+ /);
    expect(ended.stdout).toMatch(/interrupted \(SIGINT\): \d+ were not judged/);
    expect(ended.stdout).toMatch(/left behind: containers 0, volumes 0, directories 0/);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });

  it('stops at once when no problem could fare better', async () => {
    const { stderr, code } = await ripcord(['humaneval', '--image', 'no-such-image']);
    expect(stderr).toMatch(/no image 'no-such-image'/);
    expect(code).toBe(125);
  });
});
