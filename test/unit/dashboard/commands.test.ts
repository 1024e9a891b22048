/** The dashboard names the ends of commands, counts branches, and reads the environment field. */
import { describe, expect, it } from 'vitest';
import { RipcordError } from '../../../src/base/errors.js';
import { TaskRun } from '../../../src/dashboard/state/task-run.js';
import { branchCounts } from '../../../src/dashboard/text/branch-counts.js';
import { commandEnd } from '../../../src/dashboard/text/command-end.js';
import { isTerminal, TERMINAL_SHELL } from '../../../src/dashboard/text/command-text.js';
import { environmentOf } from '../../../src/dashboard/text/environment.js';
import { recordError } from '../../../src/executor/executor-error.js';

describe('the end of a command', () => {
  it.each([
    [{}, 'running', 'busy'],
    [{ endedAt: 1, outcome: 'exited', exitCode: 0 }, 'exit 0', 'good'],
    [{ endedAt: 1, outcome: 'exited', exitCode: 3 }, 'exit 3', 'bad'],
    [{ endedAt: 1, outcome: 'signaled', signal: 'SIGSEGV', exitCode: null }, 'SIGSEGV', 'bad'],
    [{ endedAt: 1, outcome: 'timeout' }, 'timeout', 'bad'],
    [{ endedAt: 1, outcome: 'aborted' }, 'aborted', 'warn'],
  ])('%j is said', (command, text, tone) => {
    expect(commandEnd({ argv: ['true'], ...command })).toEqual({ text, tone });
  });

  it('of a terminal is no failure, however it was left', () => {
    const argv = [...TERMINAL_SHELL];
    expect(isTerminal(argv)).toBe(true);
    expect(commandEnd({ argv })).toEqual({ text: 'open', tone: 'busy' });
    for (const end of [{ outcome: 'aborted' }, { outcome: 'exited', exitCode: 130 }]) {
      expect(commandEnd({ argv, endedAt: 1, ...end })).toEqual({ text: 'closed', tone: 'calm' });
    }
    for (const other of [['sh'], ['sh', '-c', 'exec sh'], 'sh', [...argv, 'x']]) expect(isTerminal(other)).toBe(false);
  });
});

describe('the environment field', () => {
  it('takes a name alone as a variable without a value, and all behind the first = as the value', () => {
    expect(environmentOf('A=1\n\n  B  \nC=\nD==x=y\nE=a b')).toEqual({ A: '1', B: '', C: '', D: '=x=y', E: 'a b' });
    expect(environmentOf('')).toEqual({});
    expect(Object.entries(environmentOf('__proto__=x'))).toEqual([['__proto__', 'x']]);
  });
});

describe('the branches of a task', () => {
  it('are each counted once', () => {
    const branches = ['failed', 'passed', 'failed', 'waiting'].map((phase) => ({ phase }));
    expect(branchCounts(branches)).toEqual([
      { phase: 'failed', count: 2 },
      { phase: 'passed', count: 1 },
      { phase: 'waiting', count: 1 },
    ]);
    expect(branchCounts([])).toEqual([]);
  });
});

describe('errors of a task', () => {
  it('keep their hints', () => {
    const error = recordError(new RipcordError('quota', 'too many', { hint: 'Close one.' }));
    expect(error).toEqual({ code: 'quota', message: 'too many', hint: 'Close one.' });
    const run = new TaskRun();
    run.take({ type: 'error', seq: 1, run: 't', at: 1, iteration: 1, branch: 2, phase: 'propose', error } as never);
    expect(run.log).toMatchObject([{ text: 'propose: too many', hint: 'Close one.', where: 'iteration 1, branch 2' }]);
    const report = { branch: 2, status: 'error', error, durationMs: 1 };
    run.take({ type: 'branch.ended', seq: 2, run: 't', at: 2, iteration: 1, branch: 2, report } as never);
    expect(run.iterations[0]!.branches[0]!.error).toEqual(error);
  });
});
