/** Who commands run as: uids that no other sandbox has, and where they are the shared one. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judgeUser } from '../../src/verify/judge-user.js';
import { makeTempDir } from '../helpers/fixtures.js';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager({ pool: [{ image: 'shell', size: 1 }] });
const WHO = 'id -u; id -g; id -un; id -gn; whoami; echo ~';

describe('sandboxes of our own images', () => {
  const first = useSandbox(under);
  const second = useSandbox(under);
  const uidOf = (who: string) => Number(who.split(':')[0]);

  it('run as uids of their own, each called sandbox', async () => {
    for (const sandbox of [first(), second()]) {
      const uid = uidOf(sandbox.parts.user);
      expect(uid).toBeGreaterThanOrEqual(40_000);
      expect(uid).toBeLessThan(41_024);
      const { stdout, env } = { ...(await sandbox.exec(WHO)), env: sandbox.parts };
      expect(stdout.split('\n').slice(0, 5)).toEqual([`${uid}`, `${uid}`, 'sandbox', 'sandbox', 'sandbox']);
      expect(env.judge).toBe(`${uid + 1}:${uid + 1}`);
      expect((await sandbox.exec('whoami', { user: judgeUser(sandbox as never) })).stdout).toBe('sandbox\n');
      expect((await sandbox.exec('touch made && stat -c %U made')).stdout).toBe('sandbox\n');
    }
    expect(uidOf(first().parts.user)).not.toBe(uidOf(second().parts.user));
  });

  it('leave each other what the kernel counts for each uid', async () => {
    const hold = `
import ctypes
libc = ctypes.CDLL(None)
held = 0
while libc.inotify_init() >= 0: held += 1
print(held, flush=True)
input()
`;
    await using greedy = await first().spawn(['python3', '-uc', hold]);
    await new Promise((resolve) => greedy.stdout.once('data', resolve));
    const one = 'import ctypes; print(ctypes.CDLL(None).inotify_init() >= 0)';
    expect((await first().exec(['python3', '-c', one])).stdout).toBe('False\n');
    expect((await second().exec(['python3', '-c', one])).stdout).toBe('True\n');
    await greedy.kill();
  });

  it('run as uid 1000 where that is asked for, and as whoever is', async () => {
    await using shared = await under.manager.create({ uids: 'shared' });
    expect((await shared.exec(WHO)).stdout).toMatch(/^1000\n1000\nsandbox\nsandbox\nsandbox\n/);
    await using given = await under.manager.create({ user: '1234:1235' });
    expect((await given.exec('id -u; id -g')).stdout).toBe('1234\n1235\n');
  });

  it('keep their uid in the pool and from one task to the next', async () => {
    await under.manager.poolFilled();
    const hits = under.manager.pool.hits;
    const before = await under.manager.create({ image: 'shell', reuse: 'uids' });
    expect(under.manager.pool.hits).toBe(hits + 1);
    const { user } = before.parts;
    expect(uidOf(user)).toBeGreaterThanOrEqual(40_000);
    expect((await before.exec('id -u; touch x')).stdout).toBe(`${uidOf(user)}\n`);
    expect(await before.close()).toMatchObject({ reuse: { recycled: true } });
    await using after = await under.manager.create({ image: 'shell', reuse: 'uids' });
    expect(after.parts.user).toBe(user);
    expect((await after.exec('id -u; touch y; ls')).stdout).toBe(`${uidOf(user)}\ny\n`);
  });
});

describe('other sandboxes', () => {
  it('run as uid 1000, or as one of their own where that is asked for, with a name in their environment', async () => {
    const { id } = (await under.manager.images()).find(({ name }) => name === 'shell')!;
    await using shared = await under.manager.create({ image: id! });
    expect((await shared.exec('id -u')).stdout).toBe('1000\n');
    await using own = await under.manager.create({ image: id!, uids: 'own' });
    const [uid] = own.parts.user.split(':');
    expect((await own.exec('id -u; echo $USER $LOGNAME; test -w "$HOME" && echo home')).stdout).toBe(
      `${uid}\nsandbox sandbox\nhome\n`,
    );
    expect(Number(uid)).toBeGreaterThanOrEqual(40_000);
  });

  it('of a directory of the host have a name for a uid that the image does not know, in files of their own', async () => {
    await using directory = await makeTempDir('uids');
    const user = '54321:54322';
    const bind = { workspace: { mode: 'bind', path: directory.path } as const, user };
    await using python = await under.manager.create({ image: 'python', ...bind });
    const { stdout } = await python.exec(
      `python3 -c "import getpass, os, pwd; print(getpass.getuser(), pwd.getpwuid(os.getuid()).pw_dir)"; ${WHO}; id -un 1000; env -u HOME sh -c 'echo ~sandbox'`,
    );
    expect(stdout.split('\n').slice(0, 8)).toEqual([
      'sandbox /home/sandbox',
      '54321',
      '54322',
      'sandbox',
      'sandbox',
      'sandbox',
      '/home/sandbox',
      'sandbox',
    ]);
    expect((await python.exec('echo x >> /etc/passwd', { user: 0 as never })).exitCode).not.toBe(0);
    await using node = await under.manager.create({ image: 'node', ...bind });
    const user2 = await node.exec(['node', '-p', 'JSON.stringify(os.userInfo())']);
    expect(JSON.parse(user2.stdout)).toMatchObject({
      uid: 54321,
      gid: 54322,
      username: 'sandbox',
      homedir: '/home/sandbox',
    });
    // Two sandboxes could signal to each other by locks on a file that they share.
    const files = [python, node].map(({ parts }) => statSync(`${parts.directory}/names/passwd`).ino);
    expect(new Set(files).size).toBe(2);
    const { directory: own } = node.parts;
    await node.close();
    expect(existsSync(own)).toBe(false);
    // Known names stay the image's.
    await using known = await under.manager.create({ image: 'shell', ...bind, user: '1000:1000' });
    expect(existsSync(`${known.parts.directory}/names`)).toBe(false);
    expect(directory.path && readdirSync(directory.path)).toEqual([]);
  });

  it('of a directory of the host run as its user', async () => {
    await using directory = await makeTempDir('uids');
    await using bound = await under.manager.create({ workspace: { mode: 'bind', path: directory.path } });
    expect(bound.parts.judge).toBeUndefined();
    expect((await bound.exec('id -u')).stdout).toBe(`${process.getuid!()}\n`);
    // As root on a directory of root's.
    expect(bound.warnings.map(({ code }) => code)).toEqual(process.getuid!() === 0 ? ['runs-as-root'] : []);
  });
});
