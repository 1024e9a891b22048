/** gVisor as a user meets it: the doctor finds it and tries it. What hostile code does there is in the other files here. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ripcord } from '../docker/cli-process.js';
import { gVisorEndpoint, gVisorMissing, gVisorReady, LOAD_MS } from '../helpers/gvisor-engine.js';
import { countProcesses, Output, useManager } from '../helpers/sandbox.js';

/** Longer than a test may take: a drain that lasts to its end fails the test. */
const LONG_MS = 60_000;

describe.skipIf(gVisorMissing !== undefined)(`gVisor${gVisorMissing ? `, ${gVisorMissing}` : ''}`, () => {
  beforeAll(gVisorReady, LOAD_MS);
  const under = useManager({ docker: gVisorEndpoint });

  it('is found by the doctor, tried in a sandbox of its own, and told apart from the host’s kernel', async () => {
    const { stdout } = await ripcord(['doctor', '--json', '--docker', gVisorEndpoint!]);
    const { findings } = JSON.parse(stdout) as { findings: { id: string; status: string; message: string }[] };
    const found = (id: string) => findings.find((finding) => finding.id === id);
    expect(found('isolation.runtimes')?.message).toContain('--runtime runsc');
    expect(found('probe.gvisor')).toMatchObject({ status: 'ok', message: expect.stringMatching(/kernel of its own/) });
    expect(found('probe.root')).toMatchObject({ status: 'ok' });
    expect(found('probe.seccomp')).toMatchObject({ status: 'ok' });
    expect(found('probe.teardown')).toMatchObject({ status: 'ok' });
  });

  it('continues file operations that a command stops', async () => {
    await using sandbox = await under.manager.create({ image: 'python', runtime: 'runsc' });
    const stop = 'import os, signal\nprint(1, flush=True)\nwhile True: os.kill(-1, signal.SIGSTOP)';
    await using stopping = await sandbox.spawn(['python3', '-c', stop]);
    const output = new Output();
    stopping.stdout.on('data', output.take);
    await output.seen('1');
    // Each settles; which of them gets through between two stops is chance.
    await Promise.allSettled([1, 2, 3].map((n) => sandbox.files.write(`file-${n}`, 'text')));
    await stopping.kill();
    await sandbox.files.write('file', 'text');
  });

  it('waits for what a command leaves running as well, and kills what does not end', async () => {
    await using sandbox = await under.manager.create({ image: 'python', runtime: 'runsc' });
    const late = '(while kill -0 $$ 2>/dev/null; do sleep 0.01; done; echo late) & echo first';
    const drained = { outcome: 'exited', exitCode: 0, stdout: 'first\nlate\n', backgroundKilled: 0 };
    expect(await sandbox.exec(late, { drainMs: LONG_MS })).toMatchObject(drained);
    expect((await sandbox.exec(['true'], { drainMs: LONG_MS })).outcome).toBe('exited');
    expect(await sandbox.exec('sleep 630001 & exit 3')).toMatchObject({ exitCode: 3, backgroundKilled: 1 });
    const limits = { timeoutMs: 1500, drainMs: LONG_MS };
    expect(await sandbox.exec('sleep 630001 & exit 3', limits)).toMatchObject({ outcome: 'exited', exitCode: 3 });
    expect(await countProcesses(sandbox, '630001')).toBe(0);
    // While another command runs, an orphan could be that one's: those of its own session are waited for all the same.
    await using _other = await sandbox.spawn(['sleep', '630002']);
    expect(await sandbox.exec(late, { drainMs: LONG_MS })).toMatchObject(drained);
    expect((await sandbox.exec(['true'], { drainMs: LONG_MS })).outcome).toBe('exited');
  });

  it('has the sandbox’s own things: HOME, TMPDIR, a name, a uid of its own, programs that only run, a small /dev/shm', async () => {
    const limits = { memory: '256m', shm: '8m' };
    await using sandbox = await under.manager.create({ image: 'python', runtime: 'runsc', limits });
    const program = `import getpass, os, pathlib, tempfile
print(os.environ["HOME"], tempfile.gettempdir(), getpass.getuser(), os.getuid() >= 40000, os.listdir())
pathlib.Path.home().joinpath("kept").write_text("x")
tempfile.mkstemp()
for path in (__file__, os.path.dirname(__file__) + "/other"):
    try: open(path, "w")
    except OSError as error: print(error.strerror)
with open("/dev/shm/file", "wb") as file:
    try:
        for _ in range(32): file.write(bytes(1 << 20))
    except OSError as error: print(error.strerror)`;
    const { stdout, stderr } = await sandbox.runCode(program);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      '/home/sandbox /tmp sandbox True []',
      expect.stringMatching(/^(Permission denied|Read-only file system)$/),
      expect.stringMatching(/^(Permission denied|Read-only file system)$/),
      'No space left on device',
      '',
    ]);
    expect((await sandbox.exec('echo /run/ripcord/* ~/*')).stdout).toBe('/run/ripcord/* /home/sandbox/kept\n');
    expect(await sandbox.diff()).toEqual([]);
  });
});
