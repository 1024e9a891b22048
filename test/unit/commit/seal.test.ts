/** A recovery undoes only commits that are sealed with this user's secret key. */
import { createHash, createHmac } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { currentOwner } from '../../../src/base/owner.js';
import { sealed } from '../../../src/commit/history/sealed-file.js';
import { applyCommit, prepareCommit, recoverCommit } from '../../../src/commit/index.js';
import { snapshotOf } from '../../helpers/commit-trees.js';
import { modeOf, readTree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const target = (...names: string[]) => temp('target', ...names);
const key = () => temp('state/ripcord/key');
const isRoot = process.getuid?.() === 0;
const ID = 'a'.repeat(16);
const INVALID = { code: 'commit-journal-invalid' };

beforeEach(() => void vi.stubEnv('XDG_STATE_HOME', temp('state')));
afterEach(() => void vi.unstubAllEnvs());

/** Loads the code anew, with a memory of its own, as another process does. */
async function anotherProcess(): Promise<typeof sealed> {
  vi.resetModules();
  return (await import('../../../src/commit/history/sealed-file.js')).sealed;
}

async function commit() {
  const sources = { base: await snapshotOf(temp('base'), {}), result: await snapshotOf(temp('result'), { a: '1' }) };
  return applyCommit(await prepareCommit({ ...sources, target: target() }));
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const steps = [{ n: 0, step: 'replace', path: '.git/config', written: { kind: 'file', sha256: hashOf('new') } }];
const TEXT = JSON.stringify({ version: 2, id: ID, changes: 1, startedAt: '2026-01-01T00:00:00.000Z', steps });

/** A commit of .git/config that was killed when it had written. */
function killed(intent: string): void {
  writeTree(target(), { '.git': { config: 'new' } });
  writeTree(target('.ripcord', `commit-${ID}`), { intent, new: {}, old: { 0: 'old' } });
}

const config = () => readFileSync(target('.git/config'), 'utf8');

describe('a seal', () => {
  const machine = () => (existsSync('/etc/machine-id') ? readFileSync('/etc/machine-id', 'utf8').trim() : '');
  const boot = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  it.each([
    ["of the machine's id, which all of its users can read", machine],
    ['of the boot, which sandboxes can read', boot],
    ['of the boot, as an earlier version made it', () => currentOwner().boot],
    ['of nothing', () => ''],
  ])('%s does not count', async (_, secret) => {
    const seal = (by: string) => createHmac('sha256', by).update(TEXT).digest('hex');
    killed(`${seal(`ripcord commit ${process.getuid?.() ?? ''} ${secret()}`)}\n${TEXT}`);
    await expect(recoverCommit(target())).rejects.toMatchObject(INVALID);
    await expect(commit()).rejects.toMatchObject(INVALID);
    expect(config()).toBe('new');
    killed(`${seal(secret())}\n${TEXT}`);
    await expect(recoverCommit(target())).rejects.toMatchObject(INVALID);
  });

  it('of this user counts in every process', async () => {
    killed(await (await anotherProcess())(TEXT));
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'rolled-back', commits: [ID] });
    expect(config()).toBe('old');
  });

  it('does not count for another text', async () => {
    const whole = await sealed(TEXT);
    for (const other of [whole.replace('config', 'confiG'), `${whole} `, whole.slice(0, -1), whole.slice(1)]) {
      killed(other);
      await expect(recoverCommit(target()), other).rejects.toMatchObject(INVALID);
    }
  });
});

describe('the key', () => {
  it('is made by the first commit, for its user alone', async () => {
    const umask = process.umask(0);
    try {
      await commit();
    } finally {
      process.umask(umask);
    }
    expect(readFileSync(key())).toHaveLength(32);
    expect([modeOf(key()), modeOf(temp('state/ripcord'))]).toEqual([0o600, 0o700]);
    expect(readdirSync(temp('state/ripcord')).sort()).toEqual(['commits', 'key']);
    const made = readFileSync(key());
    await sealed(TEXT);
    expect(readFileSync(key())).toEqual(made);
  });

  it('is not made by looking', async () => {
    killed('x');
    await expect(recoverCommit(target())).rejects.toMatchObject(INVALID);
    expect(existsSync(temp('state'))).toBe(false);
  });

  it('is the same for processes that begin at once', async () => {
    const processes: (typeof sealed)[] = [];
    for (let n = 0; n < 12; n += 1) processes.push(await anotherProcess());
    const seals = await Promise.all(processes.map((process) => process(TEXT)));
    expect(new Set(seals).size).toBe(1);
    expect(readdirSync(temp('state/ripcord'))).toEqual(['key']);
  });

  it('is another one for another user', async () => {
    const first = await sealed(TEXT);
    vi.stubEnv('XDG_STATE_HOME', temp('other'));
    expect(await sealed(TEXT)).not.toBe(first);
  });
});

describe('where no key can be kept', () => {
  const put = (write: () => void) => () => (mkdirSync(temp('state/ripcord'), { recursive: true }), write());
  const cases: [string, RegExp, () => void][] = [
    [
      'no HOME',
      /neither XDG_STATE_HOME nor HOME is set/,
      () => (vi.stubEnv('XDG_STATE_HOME', undefined), vi.stubEnv('HOME', undefined)),
    ],
    ['a file system that takes none', /there is no \/proc\/ripcord\/key/, () => vi.stubEnv('XDG_STATE_HOME', '/proc')],
    [
      'a link',
      /ELOOP/,
      put(() => (writeFileSync(temp('k'), 'k'.repeat(32), { mode: 0o600 }), symlinkSync(temp('k'), key()))),
    ],
    ['a directory', /is not a file/, put(() => mkdirSync(key()))],
    ['a short one', /is not a key of 32 bytes/, put(() => writeFileSync(key(), 'k', { mode: 0o600 }))],
    [
      'one that others can read',
      /others can read/,
      put(() => (writeFileSync(key(), 'k'.repeat(32)), chmodSync(key(), 0o644))),
    ],
  ];

  it.each(cases)('%s: a commit is made, and one that was killed is left alone, by name', async (_, why, spoil) => {
    spoil();
    killed(await (await anotherProcess())(TEXT));
    await expect(recoverCommit(target())).rejects.toMatchObject({
      ...INVALID,
      message: expect.stringMatching(why),
      hint: expect.stringContaining('commit-*/old'),
    });
    expect(config()).toBe('new');
    // The process that made it has its key in memory.
    killed(await sealed(TEXT));
    expect(await recoverCommit(target())).toMatchObject({ outcome: 'rolled-back' });
    expect(config()).toBe('old');
    await commit();
    expect(readTree(target())).toMatchObject({ a: '1' });
  });

  it.runIf(isRoot)("another user's", async () => {
    put(() => writeFileSync(key(), 'k'.repeat(32), { mode: 0o600 }))();
    lchownSync(key(), 1000, 1000);
    killed(await (await anotherProcess())(TEXT));
    await expect(recoverCommit(target())).rejects.toMatchObject({ message: expect.stringContaining('another user') });
  });
});
