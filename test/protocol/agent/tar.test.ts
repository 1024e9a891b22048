import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type AgentProcess, failureErrno, SANDBOX_UID } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';
import { archive, pax, type RawEntry } from '../../helpers/tar-maker.js';

const { ECANCELED, EFBIG, EINVAL, ELOOP, ENOENT, EXDEV, E2BIG } = constants.errno;

describeAgent('agent: archives', (suite) => {
  const path = (agent: AgentProcess, ...names: string[]) => join(agent.workspace, ...names);
  const errno = async (operation: Promise<Parameters<typeof failureErrno>[0]>) => failureErrno(await operation);

  it('tar makes what tar understands', async () => {
    const agent = await suite.ready();
    const long = 'n'.repeat(90);
    mkdirSync(path(agent, 'd', long, long), { recursive: true });
    writeFileSync(path(agent, 'd', long, long, 'é'), randomBytes(70_000));
    writeFileSync(path(agent, 'd', 'exact'), Buffer.alloc(512, 'x'), { mode: 0o4755 });
    chmodSync(path(agent, 'd', 'exact'), 0o4755);
    symlinkSync('x'.repeat(150), path(agent, 'd', 'link'));
    symlinkSync(`${long}/${long}`, path(agent, 'short'));
    execFileSync('mkfifo', [path(agent, 'fifo')]);
    const made = (await agent.fs('tar', [agent.workspace, -1, -1])).stdout;
    expect(made.length % 512).toBe(0);
    const out = mkdtempSync(join(suite.directory, 'tar-'));
    execFileSync('tar', ['-xf', '-', '-C', out], { input: made });
    expect(readdirSync(out).sort()).toEqual(['d', 'short']);
    execFileSync('diff', ['-r', '--no-dereference', path(agent, 'd'), join(out, 'd')]);
    expect(statSync(join(out, 'd', 'exact')).mode & 0o7777).toBe(0o755);

    expect(await errno(agent.fs('untar', [path(agent, 'again'), -1, -1], made))).toBe(0);
    execFileSync('diff', ['-r', '--no-dereference', path(agent, 'd'), path(agent, 'again', 'd')]);
  });

  const DIRECTORY = '5';
  const LINK = '2';
  const HARD_LINK = '1';
  const FIFO = '6';
  const DEVICE = '3';

  it('untar takes files, directories, links; strips what gives power', async () => {
    const agent = await suite.ready();
    const made = archive(
      { name: './d/', type: DIRECTORY, mode: 0o7755 },
      { name: 'd/f', data: 'hello', mode: 0o6755 },
      { name: 'l', type: LINK, link: 'd/f' },
      { name: 'd/up', type: LINK, link: '../d/f' },
      { name: 'h', type: HARD_LINK, link: 'd/f' },
      { name: 'deep/er/file', data: 'x' },
      { name: 'd/f2', data: '1' },
      { name: 'd/f2', data: '22' },
      pax({ path: `long/${'n'.repeat(200)}`, mtime: '1234567.89' }),
      { name: 'short', data: 'x' },
    );
    expect(await errno(agent.fs('untar', [agent.workspace, -1, -1], made))).toBe(0);
    expect(statSync(path(agent, 'd')).mode & 0o7777).toBe(0o755);
    expect(statSync(path(agent, 'd', 'f'))).toMatchObject({ mode: 0o100755, uid: SANDBOX_UID, nlink: 2 });
    expect(readFileSync(path(agent, 'd', 'up'), 'utf8')).toBe('hello');
    expect(readFileSync(path(agent, 'd', 'f2'), 'utf8')).toBe('22');
    expect(readFileSync(path(agent, 'deep', 'er', 'file'), 'utf8')).toBe('x');
    expect(statSync(path(agent, 'long', 'n'.repeat(200))).mtimeMs).toBe(1_234_567_000);
  });

  it.each<[string, (RawEntry | Buffer)[], number]>([
    ['a path with ..', [{ name: 'a/../../x' }], EXDEV],
    ['an absolute path', [{ name: '/tmp/x' }], EXDEV],
    ['an absolute path in a pax header', [pax({ path: '/tmp/x' }), { name: 'x' }], EXDEV],
    ['an absolute link', [{ name: 'l', type: LINK, link: '/etc' }], EXDEV],
    ['a link that climbs out', [{ name: 'd/l', type: LINK, link: '../../x' }], EXDEV],
    ['a link and a file through it', [{ name: 'd/f' }, { name: 'l', type: LINK, link: 'd' }, { name: 'l/x' }], ELOOP],
    ['a hard link to outside', [{ name: 'h', type: HARD_LINK, link: '../x' }], EXDEV],
    ['a hard link to an absolute path', [{ name: 'h', type: HARD_LINK, link: '/etc/passwd' }], EXDEV],
    ['a hard link to nothing', [{ name: 'h', type: HARD_LINK, link: 'none' }], ENOENT],
    ['a fifo', [{ name: 'p', type: FIFO }], EINVAL],
    ['a device', [{ name: 'c', type: DEVICE }], EINVAL],
    ['a sparse file', [pax({ 'GNU.sparse.major': '1' }), { name: 'f' }], EINVAL],
    ['a NUL in a name', [pax({ path: 'a\0b' }), { name: 'f' }], EINVAL],
    ['a wrong checksum', [{ name: 'f', checksum: 1 }], EINVAL],
    ['a size that is no number', [{ name: 'f', size: 'giant' }], EINVAL],
    ['a pax size that is no number', [pax({ size: '-1' }), { name: 'f' }], EINVAL],
    ['a pax record longer than its header', [pax(Buffer.from('9999 path=x\n')), { name: 'f' }], EINVAL],
    ['a giant pax header', [{ name: 'pax', type: 'x', size: 2 ** 31 }], EINVAL],
    ['a row of pax headers without an end', Array.from({ length: 40 }, () => pax({ comment: 'x' })), EINVAL],
    ['more bytes than allowed', [{ name: 'f', data: Buffer.alloc(100_001) }], EFBIG],
    ['more bytes than allowed by its header alone', [{ name: 'f', size: 2 ** 32 }], EFBIG],
    ['more entries than allowed', Array.from({ length: 101 }, (_, i) => ({ name: `f${i}` })), E2BIG],
  ])('untar refuses %s', async (_, entries, want) => {
    const agent = await suite.ready();
    const top = path(agent, 'top');
    expect(await errno(agent.fs('untar', [top, 100_000, 100], archive(...entries)))).toBe(want);
    expect(readdirSync(agent.workspace)).toEqual(['top']);
  });

  it('untar refuses archives that are cut or noise', async () => {
    const agent = await suite.ready();
    const good = archive({ name: 'f', data: Buffer.alloc(3000) });
    const top = path(agent, 'top');
    for (const length of [0, 100, 512, 1000, 3584]) {
      expect(await errno(agent.fs('untar', [top, -1, -1], good.subarray(0, length))), `${length} bytes`).toBe(
        ECANCELED,
      );
    }
    expect(await errno(agent.fs('untar', [top, -1, -1], randomBytes(5120)))).toBe(EINVAL);
  });

  it('hard links made by the archive do not reach through the workspace', async () => {
    const agent = await suite.ready();
    symlinkSync('/etc', path(agent, 'etc'));
    const made = archive({ name: 'h', type: HARD_LINK, link: 'etc/hostname' });
    expect(await errno(agent.fs('untar', [agent.workspace, -1, -1], made))).toBe(ELOOP);
    expect(existsSync(path(agent, 'h'))).toBe(false);
  });
});
