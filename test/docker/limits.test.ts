/** Every limit and wall of a sandbox, read and tried from inside. */
import { existsSync } from 'node:fs';
import { SandboxManager } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { cpuVariables } from '../../src/command/cpu-variables.js';
import { OFFLINE_ENV } from '../../src/egress/offline.js';
import { rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();

const python = (code: string) => ['python3', '-c', code];

describe('limits', () => {
  const sandbox = useSandbox(under, {
    limits: { memory: '128m', cpus: 0.5, pids: 24, openFiles: 40, workspace: '4m', files: 64, tmp: '1m' },
  });
  const read = async (line: string) => (await sandbox().exec(line)).stdout.trim();

  it('hold for memory, swap included', async () => {
    const cgroup = '/sys/fs/cgroup';
    const memory = await read(`cat ${cgroup}/memory/memory.limit_in_bytes 2>/dev/null || cat ${cgroup}/memory.max`);
    expect(Number(memory)).toBe(128 * 1024 * 1024);
    const swap = await read(
      `cat ${cgroup}/memory/memory.memsw.limit_in_bytes ${cgroup}/memory.swap.max 2>/dev/null | head -n 1`,
    );
    // v1 counts both together, v2 swap alone; a kernel without swap accounting shows neither.
    if (swap !== '') expect([0, 128 * 1024 * 1024]).toContain(Number(swap));
  });

  it('hold for CPU time', async () => {
    const quota = await read(
      'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max',
    );
    const [used, period] = quota.split(/\s+/).map(Number);
    expect(used! / period!).toBeCloseTo(0.5);
    const { usage, durationMs } = await sandbox().exec(
      python('import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass'),
    );
    // Load makes it less.
    expect(usage.cpuMs / durationMs).toBeLessThan(0.65);
  });

  it('are told to programs, where neither the caller nor the image has said otherwise', async () => {
    const names = 'echo $OMP_NUM_THREADS $GOMAXPROCS $UV_THREADPOOL_SIZE $JAVA_TOOL_OPTIONS';
    expect(await read(names)).toBe('1 1 4');
    expect((await sandbox().exec(names, { env: { GOMAXPROCS: '3', UV_THREADPOOL_SIZE: '1' } })).stdout).toBe('1 3 1\n');
  });

  it('hold for processes: a fork fails, and the result says why', async () => {
    const result = await sandbox().exec(
      python(`
import os, time
made = 0
try:
    while made < 100:
        if os.fork() == 0: time.sleep(60); os._exit(0)
        made += 1
except OSError as error:
    print(error.errno, made)
`),
    );
    const [errno, made] = result.stdout.trim().split(' ').map(Number);
    expect(errno).toBe(11);
    // PID 1, the keeper and the program itself count too.
    expect(made).toBe(24 - 3);
    expect(result).toMatchObject({ outcome: 'exited', backgroundKilled: made });
    expect(result.pidsLimitHit).toBe(sandbox().capabilities.pidsCounter);
    expect(await sandbox().exec('echo again')).toMatchObject({ stdout: 'again\n', pidsLimitHit: false });
  });

  it('hold for sockets, where they can be counted: what has too many is killed, and told so', async () => {
    expect(sandbox().capabilities.socketCounter).toBe(true);
    await using few = await under.manager.create({ limits: { sockets: 40 } });
    const open = (count: number) =>
      python(`
import socket, time
kept = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(${count})]
print('open', flush=True)
time.sleep(${count > 40 ? 600 : 0.4})`);
    const other = await few.spawn(['sleep', '600']);
    expect(await few.exec(open(40))).toMatchObject({ outcome: 'exited', stdout: 'open\n', socketsLimitHit: false });
    const result = await few.exec(open(41));
    expect(result).toMatchObject({ outcome: 'signaled', signal: 'SIGKILL', exitCode: null, socketsLimitHit: true });
    expect(result.hint).toMatch(/more than 40 sockets .*limits\.sockets/);
    expect(await other.wait()).toMatchObject({ outcome: 'signaled', socketsLimitHit: true });
    expect(await few.exec(open(40))).toMatchObject({ outcome: 'exited', socketsLimitHit: false });
  });

  it('leave many connections to a program, and any number after each other', async () => {
    await using plain = await under.manager.create();
    const result = await plain.exec(
      python(`
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
listener = socket.create_server(('127.0.0.1', 0), backlog=64)
def connect():
    there = socket.create_connection(listener.getsockname())
    return there, listener.accept()[0]
kept = [connect() for _ in range(900)]
for _ in range(3000):
    for one in connect(): one.close()
time.sleep(0.4)
print(len(kept))`),
      { timeoutMs: 60_000 },
    );
    expect(result).toMatchObject({ outcome: 'exited', stdout: '900\n', socketsLimitHit: false });
  });

  it('say that a command cannot start when there are no processes left', async () => {
    await using hog = await sandbox().spawn(
      python(`
import os, sys, time
try:
    while True:
        if os.fork() == 0: time.sleep(600); os._exit(0)
except OSError:
    print("full", flush=True)
time.sleep(600)
`),
    );
    await new Promise((resolve) => hog.stdout.once('data', resolve));
    expect(await sandbox().exec(['true'])).toMatchObject({
      outcome: 'spawn-failed',
      failure: { errno: 'EAGAIN', stage: 'resources' },
    });
    const error = await rejection(sandbox().files.readText('/etc/hostname'));
    expect(error.message).toContain('limit of processes');
    await hog.kill();
    expect(await sandbox().exec(['true'])).toMatchObject({ outcome: 'exited', exitCode: 0 });
  });

  it('hold for open files', async () => {
    const { stdout } = await sandbox().exec(
      python(`
import resource
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
files = []
try:
    while True: files.append(open("/etc/hostname"))
except OSError as error:
    print(error.errno, len(files))
`),
    );
    // 24 is EMFILE; 0, 1 and 2 are open already.
    expect(stdout).toBe('40 160\n24 37\n');
  });

  it('allow no core dumps', async () => {
    expect(await read('ulimit -c; ulimit -Hc')).toBe('0\n0');
  });

  it('hold for the size of the workspace, which stays readable when full', async () => {
    await sandbox().files.write('kept', 'kept');
    const result = await sandbox().exec('head -c 8M /dev/zero > fill');
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('No space left on device');
    expect(await rejection(sandbox().files.write('more', Buffer.alloc(2 << 20)))).toMatchObject({ code: 'no-space' });
    expect(await sandbox().files.readText('kept')).toBe('kept');
    expect((await sandbox().files.stat('fill')).size).toBeLessThanOrEqual(4 * 1024 * 1024);
    await sandbox().files.remove('fill');
    await sandbox().files.write('more', Buffer.alloc(2 << 20));
    await sandbox().files.remove('more');
  });

  it('hold for the number of files', async () => {
    const { stdout } = await sandbox().exec(
      python(`
import os
os.mkdir("count")
made = 0
try:
    while True: open(f"count/{made}", "x").close(); made += 1
except OSError as error:
    print(error.errno, made < 64)
`),
    );
    expect(stdout).toBe('28 True\n');
    expect(await rejection(sandbox().files.write('one-more', ''))).toMatchObject({ code: 'no-space' });
    await sandbox().files.remove('count', { recursive: true });
  });

  it('hold for /tmp', async () => {
    const full = await sandbox().exec('head -c 2M /dev/zero > /tmp/fill; rm /tmp/fill');
    expect(full.stderr).toContain('No space left on device');
  });

  it('hold for /dev/shm: full is full, not out of memory', async () => {
    const result = await sandbox().exec('head -c 200M /dev/zero > /dev/shm/fill; stat -c %s /dev/shm/fill');
    await sandbox().exec('rm -f /dev/shm/fill');
    expect(result.stderr).toContain('No space left on device');
    // An eighth of the memory.
    expect(result.stdout).toBe(`${16 * 1024 * 1024}\n`);
    expect(result.oomKilled).toBe(false);
  });

  it('explain the signal that a full /dev/shm is to a program that maps a file there', async () => {
    const program = python(`
import mmap
with open('/dev/shm/map', 'w+b') as file:
    file.truncate(64 << 20)
    view = mmap.mmap(file.fileno(), 64 << 20)
    for at in range(0, len(view), 4096): view[at] = 1
`);
    const result = await sandbox().exec(program);
    expect(result).toMatchObject({ outcome: 'signaled', signal: 'SIGBUS', oomKilled: false });
    expect(result.hint).toContain('limits.shm');
    const inShell = await sandbox().exec([...'sh -c'.split(' '), '"$0" "$@"; exit $?', ...program]);
    expect(inShell).toMatchObject({ exitCode: 135, hint: result.hint });
    await sandbox().exec('rm /dev/shm/map');
    expect(await sandbox().exec('exit 1')).not.toHaveProperty('hint');
  });
});

describe('walls', () => {
  const sandbox = useSandbox(under, () => {
    process.env.RIPCORD_TEST_SECRET = 'leaked';
    return {};
  });

  it('give commands no capability, no way to gain one, and a system call filter', async () => {
    const { stdout } = await sandbox().exec('cat /proc/self/status');
    const status = Object.fromEntries(stdout.split('\n').map((line) => line.split(':\t')));
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status[set]).toBe('0000000000000000');
    expect(status.NoNewPrivs).toBe('1');
    expect(status.Seccomp).toBe('2');
    const [uid, gid] = sandbox().parts.user.split(':');
    expect(status.Uid).toBe(Array(4).fill(uid).join('\t'));
    expect(status.Gid).toBe(Array(4).fill(gid).join('\t'));
    expect(status.Groups?.trim()).toBe('');
  });

  it('give uid 0 no capability either', async () => {
    const { stdout } = await sandbox().exec('id -u; grep CapEff /proc/self/status', { user: 0 as never });
    expect(stdout).toBe('0\nCapEff:\t0000000000000000\n');
  });

  it('leave root read-only, whoever writes', async () => {
    const line =
      'for d in / /etc /usr /var /.ripcord /root /home; do touch $d/x 2>/dev/null && echo wrote $d; done; echo end';
    expect((await sandbox().exec(line)).stdout).toBe('end\n');
    expect((await sandbox().exec(line, { user: 'root' })).stdout).toBe('end\n');
  });

  it('leave one network interface, lo, and no way out', async () => {
    const { stdout } = await sandbox().exec('ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1');
    expect(stdout.trim()).toBe('lo');
    const connect = await sandbox().exec(
      python(
        'import socket\nfor a in ("1.1.1.1", "169.254.169.254", "172.17.0.1"):\n  s = socket.socket()\n  try: s.connect((a, 80)); print("open")\n  except OSError as e: print(e.errno)',
      ),
    );
    // 101 is ENETUNREACH, not a time-out.
    expect(connect.stdout).toBe('101\n101\n101\n');
  });

  it('let nothing of the host environment in', async () => {
    const { stdout } = await sandbox().exec(['env']);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(stdout).not.toContain('leaked');
    const ofImage = ['PATH', 'LANG', 'LC_ALL', 'DEBIAN_FRONTEND', 'PYTHONUNBUFFERED'];
    const known = [...ofImage, 'HOME', 'TMPDIR', ...Object.keys({ ...cpuVariables(1), ...OFFLINE_ENV })];
    expect(names.filter((name) => !known.includes(name!))).toEqual([]);
  });

  it('keep PID 1 out of reach', async () => {
    const { stdout } = await sandbox().exec(
      `for f in mem environ fd/0 fd/1 cwd root exe; do cat /proc/1/$f >/dev/null 2>&1 && echo read $f; done
       kill -9 1 2>/dev/null && echo killed; kill -STOP 1 2>/dev/null && echo stopped; echo end`,
    );
    expect(stdout).toBe('end\n');
    expect(await sandbox().exec('echo alive')).toMatchObject({ stdout: 'alive\n' });
  });

  it('keep one command from the descriptors of another', async () => {
    await using other = await sandbox().spawn(['cat'], { user: '2000:2000' });
    const { stdout } = await sandbox().exec(
      `echo forged > /proc/${other.pid}/fd/0 2>/dev/null && echo wrote; echo end`,
    );
    expect(stdout).toBe('end\n');
  });

  it('show a kernel that holds what the agent promises', () => {
    expect(sandbox().capabilities).toMatchObject({
      descriptorsSafe: true,
      rootSafe: true,
      signalsSafe: true,
      noNewPrivileges: true,
      seccomp: true,
      ownFilter: true,
    });
  });
});

describe('explicit choices', () => {
  it('pin a sandbox to as many CPUs as it may use, and size its /dev/shm', async () => {
    const limits = { cpus: 0.5, cpuset: true, shm: '1m' };
    await using sandbox = await under.manager.create({ limits });
    expect((await sandbox.exec('nproc; stat -fc "%b %S" /dev/shm')).stdout).toBe('1\n256 4096\n');
    const error = await rejection(under.manager.create({ limits: { cpuset: '4000' } }));
    expect(error).toMatchObject({ code: 'create-failed', hint: expect.stringContaining('limits.cpuset') });
  });

  it('name the CPUs there are where more are asked for, before the engine is asked', async () => {
    const { cpus } = under.manager.engine;
    const made = under.events.length;
    const message = expect.stringContaining(
      `limits.cpus: ${cpus + 1} is more than the engine's machine has, which is ${cpus}`,
    );
    const refused = { code: 'invalid-options', message };
    expect(await rejection(under.manager.create({ limits: { cpus: cpus + 1 } }))).toMatchObject(refused);
    expect(under.events.length).toBe(made);
    const pool = [{ size: 1, limits: { cpus: cpus + 1 } }];
    expect(await rejection(SandboxManager.open({ stateDir: under.stateDir, pool }))).toMatchObject(refused);
  });

  it('give a writable root', async () => {
    await using sandbox = await under.manager.create({ rootfs: 'writable', user: 'root' });
    const { stdout } = await sandbox.exec('echo x > /etc/new && cat /etc/new; id -u');
    expect(stdout).toBe('x\n0\n');
  });

  it('look a user up again where the root is writable, as /etc/passwd may have changed', async () => {
    await using sandbox = await under.manager.create({ rootfs: 'writable', user: 'root' });
    const guest = async () => (await sandbox.exec('id -u; id -g; id -G', { user: 'guest' })).stdout.split('\n');
    const entry = (ids: string) => `sed -i /^guest:/d /etc/passwd; echo guest:x:${ids}:::/bin/sh >> /etc/passwd`;
    await sandbox.exec(entry('1234:1235'));
    // A command that runs already does it, so that no other user is looked up between the two.
    await using changing = await sandbox.spawn(`read go; ${entry('4321:5321')}`, { stdin: 'pipe' });
    expect(await guest()).toEqual(['1234', '1235', '1235', '']);
    changing.stdin!.end('go\n');
    changing.stdout.resume();
    changing.stderr.resume();
    expect((await changing.wait()).exitCode).toBe(0);
    expect(await guest()).toEqual(['4321', '5321', '5321', '']);
  });

  // An engine that was started without its bridge cannot give one to a sandbox.
  it.skipIf(!existsSync('/sys/class/net/docker0'))('give the bridge network', async () => {
    await using sandbox = await under.manager.create({ network: 'bridge' });
    const { stdout } = await sandbox.exec('tail -n +3 /proc/net/dev | cut -d: -f1');
    expect(stdout.trim().split(/\s+/).sort()).toContain('eth0');
  });
});
