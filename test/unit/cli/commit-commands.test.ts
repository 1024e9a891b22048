/** `ripcord diff` and `ripcord apply`, in this process. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addApply } from '../../../src/cli/commands/apply.js';
import { addDiff } from '../../../src/cli/commands/diff.js';
import type { CliContext } from '../../../src/cli/context.js';
import { describeFailure } from '../../../src/cli/failure.js';
import * as terminal from '../../../src/cli/terminal/ask.js';
import { removeMark, writeMark } from '../../../src/commit/result-mark.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { manifestOf } from '../../../src/workspace/read-manifest.js';
import { readTree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
vi.mock('../../../src/cli/terminal/ask.js', { spy: true });
afterEach(() => {
  vi.resetAllMocks();
  vi.restoreAllMocks();
});

async function ripcord(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const take = (to: 'out' | 'err') => (text: unknown) => {
    said[to] += text;
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(take('err'));
  const context = { interrupt: { signal: new AbortController().signal }, exitCode: 0 } as CliContext;
  const program = new Command('ripcord').exitOverride();
  addDiff(program, context);
  addApply(program, context);
  await program.parseAsync(argv, { from: 'user' });
  return { code: context.exitCode, ...said };
}

function prepare(): void {
  writeTree(temp('before'), { a: '1\n', gone: 'x' });
  writeTree(temp('after'), { a: '2\n', n: { m: 'm' } });
  writeTree(temp('here'), { a: '1\n', gone: 'x', mine: 'mine' });
}

describe('ripcord diff', () => {
  it('shows what changed, and says how much', async () => {
    prepare();
    const { out, err } = await ripcord('diff', temp('before'), temp('after'));
    expect(out).toContain('-1\n+2\n');
    expect(out).toContain('deleted file mode');
    expect(err).toContain('2 added, 1 modified, 1 deleted');
  });

  it('takes what is missing for unchanged with --partial', async () => {
    prepare();
    const { out } = await ripcord('diff', temp('before'), temp('after'), '--partial', '--json');
    const { summary, changes } = JSON.parse(out);
    expect(summary).toBe('2 added, 1 modified');
    expect(changes).toHaveLength(3);
  });

  it('writes nothing to either directory', async () => {
    prepare();
    await ripcord('diff', temp('before'), temp('after'));
    expect(existsSync(temp('before/.ripcord'))).toBe(false);
  });
});

const prepareRun = () => prepareRunIn(temp());

/** A project, and beside it what `ripcord run --seed project --out result` leaves when it changes a and deletes gone. */
async function prepareRunIn(at: string): Promise<{ project: string; result: string }> {
  const project = writeTree(`${at}/project`, { a: '1\n', gone: 'x', kept: 'k', src: { b: 'b', c: 'c' } });
  const after = writeTree(`${at}/inside`, { a: '2\n', kept: 'k', src: { b: 'b', c: 'c' } });
  const result = writeTree(`${at}/result`, { a: '2\n' });
  const [base, now] = await Promise.all([project, after].map((directory) => manifestOf(directory)));
  await writeMark(result, { changes: await diffManifests(base!.manifest, now!.manifest) });
  return { project, result };
}

/** Makes this process one with a person before it, who answers. */
function answering(answer: string): { asked: string[] } {
  const asked: string[] = [];
  vi.spyOn(terminal, 'canAsk').mockReturnValue(true);
  vi.spyOn(terminal, 'ask').mockImplementation(async (question) => {
    asked.push(question);
    return answer;
  });
  return { asked };
}

describe('ripcord apply of what a run left', () => {
  it('deletes what the mark beside it lists, and not what the result lacks', async () => {
    const { project, result } = await prepareRun();
    const { out } = await ripcord('apply', project, result, '--to', project);
    expect(out).toBe('modified     a\ndeleted      gone\n');
    expect(readTree(project)).toMatchObject({ a: '2\n', kept: 'k', src: { b: 'b', c: 'c' } });
    expect(existsSync(`${project}/gone`)).toBe(false);
  });

  it.each([
    ['no mark', () => rmSync(temp('result.ripcord.json')), /nothing says that the sandbox deleted them/],
    ['a mark that is none', () => writeFileSync(temp('result.ripcord.json'), '{}'), /not a mark of ripcord run/],
    ['a result changed since', () => writeFileSync(temp('result/a'), '3\n'), /a is not as the run wrote it/],
  ])('deletes nothing with %s', async (_, spoil, said) => {
    const { project, result } = await prepareRun();
    spoil();
    const { err } = await ripcord('apply', project, result, '--to', project);
    expect(err).toMatch(said);
    expect(readTree(project)).toMatchObject({ gone: 'x', kept: 'k', src: { b: 'b', c: 'c' } });
    expect(readFileSync(`${project}/a`, 'utf8')).toMatch(/[23]/);
  });

  it('takes a mark inside the result for a file like any other', async () => {
    const { project, result } = await prepareRun();
    const mark = readFileSync(temp('result.ripcord.json'));
    rmSync(temp('result.ripcord.json'));
    writeFileSync(`${result}/result.ripcord.json`, mark);
    await expect(ripcord('apply', project, result, '--to', project)).rejects.toMatchObject({ code: 'commit-flagged' });
    await ripcord('apply', project, result, '--to', project, '--allow-rule', 'ripcord');
    expect(existsSync(`${project}/gone`)).toBe(true);
  });

  it('does not delete what was changed since, and takes an overwritten change for a conflict', async () => {
    const { project, result } = await prepareRun();
    writeFileSync(`${project}/gone`, 'new work');
    await ripcord('apply', project, result, '--to', project);
    expect(readFileSync(`${project}/gone`, 'utf8')).toBe('new work');
    const second = await prepareRunIn(temp('second'));
    writeFileSync(`${second.project}/a`, 'new work');
    await expect(ripcord('apply', second.project, second.result, '--to', second.project)).rejects.toMatchObject({
      code: 'commit-conflict',
    });
  });

  it('deletes nothing with --partial, and all that the result lacks with --delete', async () => {
    const { project, result } = await prepareRun();
    await ripcord('apply', project, result, '--to', project, '--partial');
    expect(existsSync(`${project}/gone`)).toBe(true);
    await ripcord('apply', project, result, '--to', project, '--delete');
    expect(existsSync(`${project}/gone`) || existsSync(`${project}/src`)).toBe(false);
  });

  it('is not confused by a result that lies in the project', async () => {
    const { project } = await prepareRun();
    const result = writeTree(`${project}/out`, { a: '2\n' });
    await writeMark(result, { changes: [] });
    const { out } = await ripcord('apply', project, result, '--to', project);
    expect(out).toBe('modified     a\n');
    expect(existsSync(result)).toBe(true);
  });

  it('says what stands where a mark would be', async () => {
    const { result } = await prepareRun();
    rmSync(temp('result.ripcord.json'));
    writeTree(temp('result.ripcord.json'), { mine: 'x' });
    for (const doing of [() => removeMark(result), () => writeMark(result, { changes: [] })]) {
      await expect(doing()).rejects.toMatchObject({
        code: 'is-a-directory',
        message: expect.stringContaining('result.ripcord.json'),
      });
    }
    expect(readdirSync(temp('')).filter((name) => name.startsWith('result'))).toEqual([
      'result',
      'result.ripcord.json',
    ]);
  });

  it('shows the list on a terminal and asks', async () => {
    const { project, result } = await prepareRun();
    const no = answering('');
    const { err } = await ripcord('apply', project, result, '--to', project);
    expect(no.asked).toEqual([expect.stringMatching(/^Delete 1 path in .*project\? \[y\/N\] $/)]);
    expect(err).toContain('  delete gone\n');
    expect(existsSync(`${project}/gone`)).toBe(true);
    rmSync(temp('result.ripcord.json'));
    const yes = answering('y');
    await ripcord('apply', project, result, '--to', project);
    expect(yes.asked[0]).toContain('which the result only lacks');
    expect(existsSync(`${project}/gone`) || existsSync(`${project}/src`)).toBe(false);
  });

  it('asks nobody with --yes or --dry-run', async () => {
    const { project, result } = await prepareRun();
    const { asked } = answering('');
    await ripcord('apply', project, result, '--to', project, '--dry-run');
    await ripcord('apply', project, result, '--to', project, '--yes');
    expect(asked).toEqual([]);
    expect(existsSync(`${project}/gone`)).toBe(false);
  });
});

describe('ripcord apply', () => {
  it('makes the changes in a third directory', async () => {
    prepare();
    const { code, out } = await ripcord('apply', temp('before'), temp('after'), '--to', temp('here'), '--delete');
    expect({ code, out }).toEqual({
      code: 0,
      out: 'modified     a\ndeleted      gone\nadded        n\nadded        n/m\n',
    });
    expect(readTree(temp('here'))).toMatchObject({ a: '2\n', n: { m: 'm' }, mine: 'mine' });
  });

  it('takes a plan that was saved, against the target as it is now', async () => {
    prepare();
    await ripcord('diff', temp('before'), temp('after'), '--save', temp('plan.json'));
    expect((await ripcord('diff', temp('plan.json'))).out).toContain('-1\n+2\n');
    writeFileSync(temp('here/a'), 'changed here');
    const dry = await ripcord('apply', temp('plan.json'), '--to', temp('here'), '--dry-run');
    expect(dry.code).toBe(1);
    expect(dry.err).toContain('conflict: a: was changed in the target since the sandbox began');
    await expect(ripcord('apply', temp('plan.json'), '--to', temp('here'))).rejects.toMatchObject({
      code: 'commit-conflict',
    });
    writeFileSync(temp('here/a'), '1\n');
    await ripcord('apply', temp('plan.json'), '--to', temp('here'));
    expect(readFileSync(temp('here/a'), 'utf8')).toBe('2\n');
    expect(existsSync(temp('here/gone'))).toBe(true);
    await ripcord('diff', temp('before'), temp('after'), '--delete', '--save', temp('plan.json'));
    await ripcord('apply', temp('plan.json'), '--to', temp('here'));
    expect(existsSync(temp('here/gone'))).toBe(false);
  });

  it('writes flagged files only when they are allowed', async () => {
    prepare();
    writeTree(temp('after', '.vscode'), { 'tasks.json': '{}' });
    const argv = ['apply', temp('before'), temp('after'), '--to', temp('here')];
    expect(await ripcord(...argv, '--dry-run')).toMatchObject({
      code: 1,
      err: expect.stringContaining('flagged: .vscode'),
    });
    const failed = await ripcord(...argv).catch((error) => describeFailure(error));
    expect(failed).toMatch(/hint: +Read them\. These options write them: --allow-file \/\.vscode\n/);
    expect((await ripcord(...argv, '--dry-run', '--allow', '.vscode/')).code).toBe(0);
    expect(existsSync(temp('here/.ripcord'))).toBe(false);
    await ripcord(...argv, '--allow-file', '/.vscode');
    expect(existsSync(temp('here/.vscode/tasks.json'))).toBe(true);
  });

  it('leaves out what must not be written and what is not allowed with --skip-refused', async () => {
    prepare();
    writeTree(temp('after'), { '.envrc': 'x', '.vscode': { 'tasks.json': '{}', 'mcp.json': '{}' }, out: 'link:/etc' });
    const argv = ['apply', temp('before'), temp('after'), '--to', temp('here'), '--partial'];
    expect((await ripcord(...argv, '--dry-run', '--skip-refused')).code).toBe(0);
    const { code, err } = await ripcord(...argv, '--skip-refused', '--allow-file', '/.vscode/tasks.json');
    expect(code).toBe(0);
    expect(err).toMatch(/left out: \.envrc: a shell/);
    expect(err).toMatch(/left out: \.vscode\/mcp\.json: /);
    expect(err).toMatch(/left out: out: link leads outside/);
    expect(readTree(temp('here'))).toEqual({
      ...{ a: '2\n', gone: 'x', mine: 'mine', n: { m: 'm' } },
      '.vscode': { 'tasks.json': '{}' },
    });
  });

  it('counts one change that was there already as one', async () => {
    prepare();
    writeFileSync(temp('here/a'), '2\n');
    const { err } = await ripcord('apply', temp('before'), temp('after'), '--to', temp('here'), '--partial');
    expect(err).toContain('; 1 was there already');
  });

  it('says what it cannot tell when the directory before is the target', async () => {
    prepare();
    const { err } = await ripcord('apply', temp('here'), temp('after'), '--to', temp('here'), '--partial');
    expect(err).toContain('cannot be detected');
    expect(readTree(temp('here'))).toMatchObject({ a: '2\n', gone: 'x', mine: 'mine' });
  });

  it('says why the history of a commit could not be kept', async () => {
    prepare();
    vi.stubEnv('XDG_STATE_HOME', '/proc/ripcord');
    const argv = ['apply', temp('before'), temp('after'), '--to', temp('here')];
    const { code, err } = await ripcord(...argv).finally(() => vi.unstubAllEnvs());
    expect(code).toBe(0);
    expect(err).toMatch(/the history of commits could not be kept: .*\/proc\/ripcord/);
    expect(readdirSync(temp('here')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('recovers, where there is something to recover', async () => {
    prepare();
    expect((await ripcord('apply', '--recover', '--to', temp('here'))).err).toContain('nothing was interrupted');
  });

  it.each([
    [['apply', '--to', '.']],
    [['apply', '/no/such/plan', '--to', '.']],
    [['diff', '/no/such', '/no/such/either']],
  ])('%j is an error', async (argv) => {
    await expect(ripcord(...argv)).rejects.toMatchObject({
      code: expect.stringMatching(/invalid-options|file-not-found/),
    });
  });
});
