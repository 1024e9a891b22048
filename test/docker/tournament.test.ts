import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lineUpOf } from '../../src/cli/jobs/tournament/line-up.js';
import type { TournamentReport } from '../../src/cli/jobs/tournament/report.js';
import { IMPOSTORS, SOLUTION } from '../../src/cli/jobs/tournament/variants.js';
import { useTempDirectory } from '../helpers/temp.js';
import { leftOf, NOTHING, ripcord, start } from './cli-process.js';

const temp = useTempDirectory();
const CLEAN = { left: { containers: 0, volumes: 0, directories: 0 }, errors: [] };

describe('the tournament', () => {
  it('is won by the solution against every impostor there is, each beaten for its own reason', async () => {
    const { stdout, code, pid } = await ripcord([
      'tournament', '--limit', '2', '--branches', String(IMPOSTORS.length + 1), '--out', temp('out'), '--json',
    ]); // biome-ignore format: a command line
    const report = JSON.parse(stdout) as TournamentReport;
    expect(report.results.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(report).toMatchObject({ problems: 2, decided: 2, right: 2, sandboxes: 36, receipt: CLEAN });
    expect(report.impostors.map(({ name, entered, lost }) => [name, entered, lost])).toEqual(
      IMPOSTORS.map(({ name }) => [name, 2, 2]),
    );
    expect(readdirSync(temp('out')).sort()).toEqual(['HumanEval_0.py', 'HumanEval_1.py']);
    expect(readFileSync(temp('out/HumanEval_0.py'), 'utf8')).toContain('if distance < threshold:');
    expect(code).toBe(0);
    expect(await leftOf(pid)).toEqual(NOTHING);
  });

  it('remembers what failed: no strategy is tried twice', async () => {
    const places = [0, 1, 2, 3].map((problem) =>
      lineUpOf(problem, 6, 7).findIndex(({ name }) => name === SOLUTION.name),
    );
    const args = ['tournament', '--limit', '4', '--branches', '2', '--iterations', '3', '--seed', '7'];
    const { stdout } = await ripcord([...args, '--out', temp('out'), '--json']);
    const { results, right, wonInIteration } = JSON.parse(stdout) as TournamentReport;
    expect(right).toBe(4);
    for (const { entries } of results) {
      const names = entries.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain('solution');
    }
    // Two strategies an iteration, those not tried yet: where the solution stands says when it is found.
    const expected = [0, 0, 0];
    for (const place of places) expected[Math.floor(place / 2)]! += 1;
    expect(wonInIteration).toEqual(expected);
    expect(expected.filter((count) => count > 0).length).toBeGreaterThan(1);
    const table = await ripcord([...args, '--out', temp('out'), '--limit', '1']);
    expect(table.stdout).toMatch(/HumanEval\/0 +branch \d won +iteration \d, /);
    expect(table.stdout).toMatch(/lost: \d/);
    expect(table.stdout).toMatch(/1 of 1 problems decided right in .*: \d+ of \d+ impostors lost/);
    expect(table.stdout).toMatch(/left behind: containers 0, volumes 0, directories 0/);
  });

  it('ends with Ctrl+C, with what is known by then and nothing left', async () => {
    using running = start(['tournament', '--out', temp('out')]);
    await running.waitFor(/branch \d won/);
    const ended = await running.signal('SIGINT');
    expect(ended.code).toBe(130);
    expect(ended.stdout).toMatch(/interrupted \(SIGINT\): \d+ were not decided/);
    expect(ended.stdout).toMatch(/left behind: containers 0, volumes 0, directories 0/);
    expect(await leftOf(ended.pid)).toEqual(NOTHING);
  });

  it('stops at once when no problem could fare better', async () => {
    const { stderr, code } = await ripcord(['tournament', '--image', 'no-such-image', '--out', temp('out')]);
    expect(stderr).toMatch(/no image 'no-such-image'/);
    expect(code).toBe(125);
  });
});
