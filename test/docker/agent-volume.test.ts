/** The agent's files lie on a volume that all sandboxes of an engine share: no way from one to another. */
import { describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under, { image: 'python', warm: true });

/** Opens, locks and watches each place, and prints what it could do. */
const TRY = `import ctypes, fcntl, os
libc = ctypes.CDLL(None)
watcher = libc.inotify_init()
for path in ['', '/agent', '/warm', '/warm/native.so', '/warm/usercustomize.py', '/python', '/python/sitecustomize.py',
             '/node', '/node/program.cjs', '/node/typescript.cjs']:
    path = '/.ripcord' + path
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_PATH):
        try:
            fcntl.flock(os.open(path, flags), fcntl.LOCK_SH | fcntl.LOCK_NB)
            print('locked', path)
        except OSError: pass
    if libc.inotify_add_watch(watcher, path.encode(), 0xfff) >= 0: print('watched', path)
print('tried')`;

it('a command can neither lock nor watch them', async () => {
  expect(await sandbox().exec(['python3', '-c', TRY])).toMatchObject({ stdout: 'tried\n', stderr: '' });
  expect((await sandbox().exec('stat -c %A /.ripcord /.ripcord/agent; ls /.ripcord')).stdout).toBe(
    'd--x--x--x\n-r-x--x--x\n',
  );
});

it('they do their work all the same', async () => {
  expect(await sandbox().warmUp()).toBe(true);
  expect(await sandbox().runCode('print(6 * 7)')).toMatchObject({ stdout: '42\n', warm: true });
});

it('root can: SECURITY.md says so', async () => {
  const { stdout } = await sandbox().exec(['python3', '-c', TRY], { user: 0 });
  expect(stdout).toContain('locked /.ripcord/agent\n');
  expect(stdout).not.toContain('locked /.ripcord\n');
});

describe('what interpreters read', () => {
  const others = useSandbox(under, { image: 'node' });

  it("is the image's own, or each sandbox's own copy", async () => {
    const places = 'import os\nfor d in "/run/ripcord", "/usr/local/lib/ripcord/python": print(sorted(os.listdir(d)))';
    expect((await sandbox().runCode(places, { warm: false })).stdout).toBe(
      "['0']\n['__pycache__', 'sitecustomize.py']\n",
    );
    const devices = await Promise.all(
      [others(), await under.manager.create({ image: 'node' })].map(async (one) => {
        const look = 'console.log(require("fs").statSync("/run/ripcord/lib/node/program.cjs").dev)';
        return (await one.runCode(look)).stdout;
      }),
    );
    expect(new Set(devices).size).toBe(2);
    expect(devices.join('')).toMatch(/^\d+\n\d+\n$/);
  });

  it("is the sandbox's copy, too, in an image that was not built from these files", async () => {
    await using stale = await under.manager.create({ image: 'python' });
    stale.parts.image.current = false;
    await stale.files.write('neighbour.py', 'X = 3\n');
    const say = 'import neighbour, os\nprint(neighbour.X, sorted(os.listdir("/run/ripcord")))';
    expect(await stale.runCode(say)).toMatchObject({ stdout: "3 ['0', 'lib']\n", stderr: '' });
    const output = await stale.exec('ls -l /run/ripcord/lib/python; echo > /run/ripcord/lib/python/sitecustomize.py');
    expect(output.stdout).toMatch(/-r--r--r-- 1 root/);
    expect(output.exitCode).not.toBe(0);
  });
});
