import { describe, expect, it } from 'vitest';
import { ENGINE, isDistributionBuild, openAdvisories, RUNC } from '../../../src/backends/docker/doctor/floors.js';
import { checkIsolation } from '../../../src/backends/docker/doctor/isolation.js';
import { checkLimits } from '../../../src/backends/docker/doctor/limits.js';
import { checkVersions } from '../../../src/backends/docker/doctor/versions.js';
import { worst } from '../../../src/backends/finding.js';
import { exitCodeOf, explainResult } from '../../../src/cli/exit-codes.js';
import { judgingProgram, readProblems } from '../../../src/cli/jobs/humaneval/problems.js';
import { outcomeRows } from '../../../src/cli/jobs/humaneval/report.js';
import type { CommandResult } from '../../../src/command/outcome.js';

const result = (fields: Partial<CommandResult>): CommandResult => ({
  outcome: 'exited',
  exitCode: null,
  signal: null,
  durationMs: 10,
  usage: { cpuMs: 1, maxRssBytes: 1 },
  oomKilled: false,
  pidsLimitHit: false,
  socketsLimitHit: false,
  backgroundKilled: 0,
  ...fields,
});

describe('exit codes', () => {
  const failure = (stage: 'exec' | 'user', errno: string) => ({ errno, stage, message: errno });
  it.each([
    [result({ exitCode: 7 }), 7],
    [result({ outcome: 'timeout' }), 124],
    [result({ outcome: 'oom', signal: 'SIGKILL' }), 137],
    [result({ outcome: 'signaled', signal: 'SIGTERM' }), 143],
    [result({ outcome: 'spawn-failed', failure: failure('exec', 'ENOENT') }), 127],
    [result({ outcome: 'spawn-failed', failure: failure('exec', 'EACCES') }), 126],
    [result({ outcome: 'spawn-failed', failure: failure('user', 'ENOENT') }), 125],
    [result({ outcome: 'sandbox-lost' }), 125],
    [result({ outcome: 'engine-lost' }), 125],
  ])('%# ', (given, code) => expect(exitCodeOf(given)).toBe(code));

  it('are explained unless the program simply ended', () => {
    expect(explainResult(result({ exitCode: 1 }), {})).toBeUndefined();
    expect(explainResult(result({ exitCode: 1, oomKilled: true }), {})).toMatch(/memory limit/);
    expect(explainResult(result({ exitCode: 1, pidsLimitHit: true }), {})).toMatch(/--pids/);
    const sockets = { pidsLimitHit: true, socketsLimitHit: true, hint: 'SIGKILL: too many sockets' };
    expect(explainResult(result({ exitCode: 137, ...sockets }), {})).toBe(sockets.hint);
    expect(explainResult(result({ outcome: 'timeout' }), { timeoutMs: 2000 })).toBe('timed out after 2 s (--timeout)');
  });
});

describe('security floors', () => {
  const open = (component: typeof RUNC, version: string) =>
    openAdvisories(component, version).flatMap(({ ids }) => ids).length;

  it.each([
    ['1.1.5+ds1', 4],
    ['1.1.12', 3],
    ['1.2.7', 3],
    ['1.2.8', 0],
    ['1.3.2', 3],
    ['1.3.3', 0],
    ['1.4.0-rc.2', 0],
    ['1.4.1', 0],
    ['2.0.0', 0],
  ])('runc %s is open to %i', (version, count) => expect(open(RUNC, version)).toBe(count));

  it.each([
    ['20.10.24+dfsg1', 2],
    ['23.0.11', 1],
    ['24.0.9', 2],
    ['25.0.3', 2],
    ['25.0.5', 1],
    ['26.1.0', 1],
    ['29.5.0', 1],
    ['29.5.1', 0],
    ['30.0.0', 0],
  ])('engine %s is open to %i', (version, count) => expect(open(ENGINE, version)).toBe(count));

  it('are a warning, because distributions carry fixes back', () => {
    expect(isDistributionBuild('20.10.24+dfsg1')).toBe(true);
    expect(isDistributionBuild('29.5.1')).toBe(false);
    const version = { Version: '29.5.1', ApiVersion: '1.52', Components: [{ Name: 'Engine', Version: '29.5.1' }, { Name: 'runc', Version: '1.1.5' }] }; // biome-ignore format: data
    const findings = checkVersions({ info: {}, version });
    expect(findings.map(({ id, status }) => [id, status])).toEqual([
      ['engine.version', 'ok'],
      ['engine.runc', 'warn'],
    ]);
    expect(findings[1]?.fix).toMatch(/1\.4\.0/);
  });
});

describe('what an engine can enforce', () => {
  it('is all there on a usual one', () => {
    const info = { CgroupDriver: 'systemd', CgroupVersion: '2', MemoryLimit: true, SwapLimit: true, PidsLimit: true, CpuCfsQuota: true }; // biome-ignore format: data
    expect(worst(checkLimits(info))).toBe('ok');
  });

  it('fails without memory or process limits, and warns without swap limits', () => {
    const status = (info: object) => worst(checkLimits(info));
    expect(status({ MemoryLimit: false })).toBe('fail');
    expect(status({ PidsLimit: false })).toBe('fail');
    expect(status({ CgroupDriver: 'none' })).toBe('fail');
    expect(status({ SwapLimit: false })).toBe('warn');
  });

  it('fails without seccomp', () => {
    const seccomp = (SecurityOptions: string[]) => checkIsolation({ SecurityOptions }).find(({ id }) => id === 'isolation.seccomp')?.status; // biome-ignore format: one line
    expect(seccomp([])).toBe('fail');
    // Sandboxes bring their own profile.
    expect(seccomp(['name=seccomp,profile=unconfined'])).toBe('ok');
    expect(seccomp(['name=seccomp,profile=default', 'name=cgroupns'])).toBe('ok');
  });
});

describe('HumanEval', () => {
  it('has 164 problems whose programs prove their end', async () => {
    const problems = await readProblems();
    expect(problems).toHaveLength(164);
    expect(problems[0]?.task_id).toBe('HumanEval/0');
    expect(judgingProgram(problems[0]!, 'proof')).toMatch(/check\(has_close_elements\)\nprint\("proof"\)\n$/);
  });

  it('sums outcomes up by nearest rank', () => {
    const verdict = (outcome: string, ms: number) => ({
      task: 't',
      outcome,
      passed: true,
      programMs: ms,
      sandboxMs: ms,
    });
    const rows = outcomeRows([verdict('failed', 5), ...[4, 1, 3, 2].map((ms) => verdict('passed', ms))]);
    expect(rows).toEqual([
      { outcome: 'passed', count: 4, programMs: { median: 2, p95: 4 }, sandboxMs: { median: 2, p95: 4 } },
      { outcome: 'failed', count: 1, programMs: { median: 5, p95: 5 }, sandboxMs: { median: 5, p95: 5 } },
    ]);
  });
});
