/** `workspace: { mode: 'bind' }`: a directory of the host, for local development. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const isRoot = process.getuid?.() === 0;
/** Owner of the directory: the user of the tests, or another one if that is root. */
const owner = isRoot ? { uid: 12_345, gid: 12_346 } : { uid: process.getuid!(), gid: process.getgid!() };

let host: TempDir;
beforeAll(async () => {
  host = await makeTempDir('bind');
  for (const name of ['work', 'read-only']) {
    mkdirSync(`${host.path}/${name}`);
    writeFileSync(`${host.path}/${name}/from-host.txt`, 'from the host');
    if (!isRoot) continue;
    chownSync(`${host.path}/${name}`, owner.uid, owner.gid);
    chownSync(`${host.path}/${name}/from-host.txt`, owner.uid, owner.gid);
  }
});
afterAll(() => host?.remove());

describe('a bound workspace', () => {
  const sandbox = useSandbox(under, () => ({ workspace: { mode: 'bind', path: `${host.path}/work` } }));
  const work = (name: string) => `${host.path}/work/${name}`;

  it('is the host’s directory: changes of either side are there on the other at once', async () => {
    expect((await sandbox().exec('cat from-host.txt; echo from the sandbox > made.txt')).stdout).toBe('from the host');
    expect(readFileSync(work('made.txt'), 'utf8')).toBe('from the sandbox\n');
    writeFileSync(work('later.txt'), 'later');
    expect(await sandbox().files.readText('later.txt')).toBe('later');
    await sandbox().files.write('sub/written.txt', 'written');
    expect(readFileSync(work('sub/written.txt'), 'utf8')).toBe('written');
  });

  it('keeps the owner of its files, and commands run as that', async () => {
    expect((await sandbox().exec('id -u; id -g; touch owned')).stdout).toBe(`${owner.uid}\n${owner.gid}\n`);
    await sandbox().files.write('owned-too', 'x');
    for (const name of ['owned', 'owned-too', 'sub']) {
      if (existsSync(work(name))) expect(lstatSync(work(name))).toMatchObject(owner);
    }
  });

  it('does not get HOME, TMPDIR or anything else of ours into it', async () => {
    const { stdout } = await sandbox().exec('echo $HOME $TMPDIR; echo x > ~/x && echo x > $TMPDIR/x && echo wrote');
    expect(stdout).toBe('/home/sandbox /tmp\nwrote\n');
    await sandbox().runCode('print(1)');
    expect(readdirSync(`${host.path}/work`).filter((name) => name.includes('ripcord'))).toEqual([]);
  });

  it('does not let a link of its own lead a file operation out', async () => {
    await sandbox().exec('ln -s /etc/passwd out; ln -s / root');
    expect(await rejection(sandbox().files.read('out'))).toMatchObject({ code: 'outside-workspace' });
    expect(await rejection(sandbox().files.read('root/etc/passwd'))).toMatchObject({ code: 'outside-workspace' });
  });

  it('has no seed to compare with', async () => {
    expect(await rejection(sandbox().diff())).toMatchObject({ code: 'invalid-options' });
  });

  it('stays when the sandbox is closed', async () => {
    const other = await under.manager.create({ workspace: { mode: 'bind', path: `${host.path}/work` } });
    await other.exec('echo kept > kept.txt');
    await other.close();
    expect(readFileSync(work('kept.txt'), 'utf8')).toBe('kept\n');
  });

  it('may have another user, as asked for', async () => {
    chmodSync(`${host.path}/work`, 0o777);
    await using other = await under.manager.create({
      user: '5555:5556',
      workspace: { mode: 'bind', path: `${host.path}/work` },
    });
    expect((await other.exec('id -u; touch by-5555')).stdout).toBe('5555\n');
    expect(lstatSync(work('by-5555'))).toMatchObject({ uid: 5555, gid: 5556 });
  });
});

describe('a read-only one', () => {
  it('can be read and not written, by commands and file operations', async () => {
    await using sandbox = await under.manager.create({
      workspace: { mode: 'bind', path: `${host.path}/read-only`, readOnly: true },
    });
    expect((await sandbox.exec('cat from-host.txt')).stdout).toBe('from the host');
    expect((await sandbox.exec('touch new; rm -f from-host.txt')).stderr).toContain('Read-only file system');
    expect(await rejection(sandbox.files.write('new', 'x'))).toMatchObject({
      errno: 'EROFS',
      code: 'permission-denied',
    });
    expect(await rejection(sandbox.files.remove('from-host.txt'))).toMatchObject({ errno: 'EROFS' });
    expect(readdirSync(`${host.path}/read-only`)).toEqual(['from-host.txt']);
  });

  it('lets programs be built and run in /tmp instead', async () => {
    await using sandbox = await under.manager.create({
      workspace: { mode: 'bind', path: `${host.path}/read-only`, readOnly: true },
    });
    expect(await sandbox.exec('cp /bin/true $TMPDIR/t && $TMPDIR/t')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

it.each([
  ['is not there', () => `${host.path}/no-such-directory`],
  ['is a file', () => `${host.path}/work/from-host.txt`],
])('says so when the directory %s, and makes nothing', async (_what, path) => {
  const error = await rejection(under.manager.create({ workspace: { mode: 'bind', path: path() } }));
  expect(error).toMatchObject({ name: 'InvalidOptionsError', code: 'invalid-options' });
  expect(error.message).toContain(path());
  expect(existsSync(`${host.path}/no-such-directory`)).toBe(false);
});
