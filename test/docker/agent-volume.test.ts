/** The agent's files lie on a volume that all sandboxes of an engine share: no way from one to another. */
import { expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const sandbox = useSandbox(under, { image: 'python', warm: true });

/** Opens, locks and watches each place, and prints what it could do. */
const TRY = `import ctypes, fcntl, os
libc = ctypes.CDLL(None)
watcher = libc.inotify_init()
for path in ['', '/agent', '/warm', '/warm/native.so', '/warm/usercustomize.py']:
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
