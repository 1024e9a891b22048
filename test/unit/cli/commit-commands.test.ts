/** `ripcord diff` and `ripcord apply`, in this process. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addApply } from '../../../src/cli/commands/apply.js';
import { addDiff } from '../../../src/cli/commands/diff.js';
import type { CliContext } from '../../../src/cli/context.js';
import { readTree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
afterEach(() => vi.restoreAllMocks());

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

describe('ripcord apply', () => {
  it('makes the changes in a third directory', async () => {
    prepare();
    const { code, out } = await ripcord('apply', temp('before'), temp('after'), '--to', temp('here'));
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
    expect(dry.err).toContain('conflict: a: changed on the host');
    await expect(ripcord('apply', temp('plan.json'), '--to', temp('here'))).rejects.toMatchObject({
      code: 'commit-conflict',
    });
    writeFileSync(temp('here/a'), '1\n');
    await ripcord('apply', temp('plan.json'), '--to', temp('here'));
    expect(readFileSync(temp('here/a'), 'utf8')).toBe('2\n');
  });

  it('writes flagged files only when they are allowed', async () => {
    prepare();
    writeTree(temp('after', '.vscode'), { 'tasks.json': '{}' });
    const argv = ['apply', temp('before'), temp('after'), '--to', temp('here')];
    expect(await ripcord(...argv, '--dry-run')).toMatchObject({
      code: 1,
      err: expect.stringContaining('flagged: .vscode'),
    });
    await expect(ripcord(...argv)).rejects.toMatchObject({ code: 'commit-flagged' });
    expect((await ripcord(...argv, '--dry-run', '--allow', '.vscode/')).code).toBe(0);
    expect(existsSync(temp('here/.ripcord'))).toBe(false);
    await ripcord(...argv, '--allow', '.vscode/');
    expect(existsSync(temp('here/.vscode/tasks.json'))).toBe(true);
  });

  it('says what it cannot tell when the directory before is the target', async () => {
    prepare();
    const { err } = await ripcord('apply', temp('here'), temp('after'), '--to', temp('here'), '--partial');
    expect(err).toContain('cannot be told');
    expect(readTree(temp('here'))).toMatchObject({ a: '2\n', gone: 'x', mine: 'mine' });
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
