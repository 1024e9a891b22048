/** Limits of warm runs: what they cannot reach or leave to the next run, and the fallback to a fresh interpreter. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../../helpers/sandbox.js';
import { untilWarm, warm } from './warm-runs.js';

const under = useManager();
const LIMIT = { timeout: 120_000 };

/** The zygote: the python that is root and a child of PID 1. */
const FIND = `
import os
def fields(pid):
    with open(f'/proc/{pid}/status') as f: return dict(line.strip('\\n').split(':\\t', 1) for line in f if ':\\t' in line)
processes = {int(p): fields(p) for p in os.listdir('/proc') if p.isdigit()}
roots = sorted(p for p, f in processes.items() if f['Uid'].split()[0] == '0')
zygote = [p for p in roots if processes[p]['Name'] == 'python3' and processes[p]['PPid'] == '1']
`;

describe('a warm run', () => {
  const sandbox = useSandbox(under, { image: 'python', warm: true, limits: { cpus: 2, memory: '256m', pids: 64 } });

  it('reaches neither the interpreter it came from, nor a keeper, nor a fork that waits', LIMIT, async () => {
    await untilWarm(sandbox());
    const code = `${FIND}
import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
reached = []
def attempt(name, action):
    try:
        action()
    except OSError as e:
        assert e.errno in (1, 13), (name, e)
    else:
        reached.append(name)
def attach(pid, request):
    if libc.ptrace(request, pid, None, None) != 0: raise OSError(ctypes.get_errno(), 'ptrace')
for pid in roots:
    for name in ('mem', 'environ', 'maps', 'auxv', 'io', 'stack', 'syscall', 'pagemap', 'map_files', 'fd', 'fdinfo', 'ns'):
        path = f'/proc/{pid}/{name}'
        attempt(path, (lambda: os.listdir(path)) if os.path.isdir(path) else (lambda: open(path, 'rb').read(1)))
    for name in ('mem', 'oom_score_adj', 'coredump_filter', 'comm', 'autogroup', 'timerslack_ns'):
        if os.path.exists(f'/proc/{pid}/{name}'): attempt(name, lambda: open(f'/proc/{pid}/{name}', 'wb', 0).write(b'0'))
    for fd in range(16):
        attempt(f'{pid} fd {fd}', lambda: os.close(os.open(f'/proc/{pid}/fd/{fd}', os.O_RDWR)))
    for name in ('exe', 'cwd', 'root'): attempt(f'{pid} {name}', lambda: os.readlink(f'/proc/{pid}/{name}'))
    for s in (0, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT): attempt(f'{pid} signal {s}', lambda: os.kill(pid, s))
    attempt(f'{pid} pidfd', lambda: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL))
    attempt(f'{pid} attach', lambda: attach(pid, 16))
    attempt(f'{pid} seize', lambda: attach(pid, 0x4206))
    attempt(f'{pid} limits', lambda: __import__('resource').prlimit(pid, 7, (1, 1)))
    attempt(f'{pid} priority', lambda: os.setpriority(os.PRIO_PROCESS, pid, 5))
    attempt(f'{pid} affinity', lambda: os.sched_setaffinity(pid, {0}))
for name, action in {'setuid': lambda: os.setuid(0), 'seteuid': lambda: os.seteuid(0), 'setgid': lambda: os.setgid(0),
                     'setgroups': lambda: os.setgroups([0]), 'setresuid': lambda: os.setresuid(-1, 0, -1)}.items():
    attempt(name, action)
print(len(zygote), len(roots), reached)`;
    const { stdout, stderr } = await warm(sandbox(), code);
    expect(stderr).toBe('');
    const [zygotes, roots, reached] = /^(\d+) (\d+) (.*)$/.exec(stdout.trim())!.slice(1);
    expect(zygotes).toBe('1');
    // PID 1, the zygote, this run's keeper at least.
    expect(Number(roots)).toBeGreaterThanOrEqual(3);
    expect(reached).toBe('[]');
  });

  it('finds nothing of an earlier one in its memory', LIMIT, async () => {
    await untilWarm(sandbox());
    const secrets = { code: randomBytes(12), argument: randomBytes(12), env: randomBytes(12), input: randomBytes(12) };
    const hex = (secret: Buffer) => secret.toString('hex');
    const first = await warm(sandbox(), `import sys\nx = "${hex(secrets.code)}"\nprint(sys.stdin.read())`, {
      args: [hex(secrets.argument)],
      env: { SECRET: hex(secrets.env) },
      stdin: hex(secrets.input),
    });
    expect(first.exitCode).toBe(0);
    await untilWarm(sandbox());
    // The halves, so that the search itself does not have them.
    const halves = Object.values(secrets).map((secret) => [hex(secret).slice(0, 12), hex(secret).slice(12)]);
    const { stdout, stderr } = await warm(
      sandbox(),
      `wanted = [[a.encode(), b.encode()] for a, b in ${JSON.stringify(halves)}]
found = scanned = 0
with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as mem:
    for line in maps:
        span, mode = line.split()[:2]
        if 'r' not in mode or '[v' in line: continue
        start, end = (int(x, 16) for x in span.split('-'))
        mem.seek(start)
        try: data = mem.read(end - start)
        except OSError: continue
        scanned += len(data)
        for a, b in wanted:
            at = data.find(a)
            while at >= 0:
                found += data[at + 12:at + 24] == b
                at = data.find(a, at + 1)
print(found, scanned > 10_000_000)`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: '0 True\n', stderr: '' });
  });

  it('leaves the next one none of what it has changed', LIMIT, async () => {
    const state = `
import sys, os, json, random, decimal, signal, gc, warnings, locale, resource, builtins, time, string, threading
print(sys.path[1:], sys.getrecursionlimit(), sorted(set(dir(builtins)) - {'mine'}) == sorted(dir(builtins)), hasattr(json, 'mine'),
  json.dumps is json.__dict__['dumps'], json.dumps([1]), decimal.getcontext().prec, signal.getsignal(signal.SIGTERM), gc.isenabled(),
  gc.get_threshold(), len(warnings.filters), locale.setlocale(locale.LC_ALL), resource.getrlimit(resource.RLIMIT_NOFILE),
  os.getcwd(), os.umask(0o22), os.nice(0), 'mine' in os.environ, 'mine' in sys.modules, string.ascii_letters, sys.stdout.encoding,
  time.tzname, threading.stack_size(), sys.getswitchinterval(), signal.getitimer(0), sys.excepthook is sys.__excepthook__,
  sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, os.getppid()), sys.flags.dev_mode, os.path.exists('/tmp/mine'))
`;
    await untilWarm(sandbox());
    const before = await warm(sandbox(), state);
    await untilWarm(sandbox());
    const vandal = await warm(
      sandbox(),
      `${state}
import types, ctypes
sys.path[:] = ['/workspace']; sys.setrecursionlimit(50); builtins.mine = 1; json.mine = 1; json.dumps = None
decimal.getcontext().prec = 3; signal.signal(signal.SIGTERM, signal.SIG_IGN); gc.disable(); gc.set_threshold(1)
warnings.filters.clear(); locale.setlocale(locale.LC_ALL, 'C'); resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
os.chdir('/'); os.umask(0); os.nice(5); os.environ['mine'] = '1'; os.environ['TZ'] = 'UTC+5'; time.tzset()
sys.modules['mine'] = types.ModuleType('mine'); string.ascii_letters = ''; threading.stack_size(1 << 20)
sys.setswitchinterval(1); signal.setitimer(0, 1000); sys.excepthook = None; os.sched_setaffinity(0, {0}); random.seed(1)
ctypes.pythonapi.PyDict_Clear(ctypes.py_object(json.__dict__)); ctypes.c_char.from_address(id(1) + 24).value = b'\\x02'
ctypes.memset(id(json), 0, 8)
os._exit(5)`,
    );
    expect(vandal).toMatchObject({ outcome: 'exited', exitCode: 5, stderr: '' });
    await untilWarm(sandbox());
    const after = await warm(sandbox(), `assert 1 + 1 == 2${state}`);
    expect(before).toMatchObject({ exitCode: 0, stderr: '' });
    expect(after).toMatchObject({ exitCode: 0, stderr: '', stdout: before.stdout });
  });

  it('draws random numbers of its own', LIMIT, async () => {
    const drawn = new Set<string>();
    for (let i = 0; i < 4; i++) {
      await untilWarm(sandbox());
      const code =
        'import random, uuid, secrets, os, numpy as np\nprint(random.random(), uuid.uuid4(), secrets.token_hex(8), os.urandom(8).hex(), np.random.rand())';
      for (const word of (await warm(sandbox(), code)).stdout.split(' ')) drawn.add(word);
    }
    expect(drawn.size).toBe(20);
  });

  it('takes nobody with it, whatever it does', LIMIT, async () => {
    const deeds = [
      'import os\nos.kill(-1, 9)',
      'import os\nwhile True: os.fork()',
      'x = []\nwhile True: x.append(bytearray(1 << 20))',
    ];
    for (const deed of deeds) {
      await untilWarm(sandbox());
      await warm(sandbox(), deed, { timeoutMs: 3000, killGraceMs: 0 });
      expect(await sandbox().runCode('print(6 * 7)')).toMatchObject({ outcome: 'exited', stdout: '42\n' });
    }
    await untilWarm(sandbox());
  });

  it('runs beside others, each with an end of its own', LIMIT, async () => {
    await untilWarm(sandbox());
    const slow = sandbox().runCode('import time\ntime.sleep(600)', { timeoutMs: 1000, killGraceMs: 0 });
    const others = await Promise.all(Array.from({ length: 6 }, (_, i) => sandbox().runCode(`raise SystemExit(${i})`)));
    expect(others.map(({ exitCode }) => exitCode)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await slow).toMatchObject({ outcome: 'timeout', exitCode: null });
  });

  it('may be aborted at any time', LIMIT, async () => {
    await untilWarm(sandbox());
    for (let delay = 0; delay < 40; delay += 5) {
      const running = sandbox().runCode('import time\ntime.sleep(600)', { signal: AbortSignal.timeout(delay + 1) });
      await expect(running).rejects.toMatchObject({ name: 'TaskAbortedError' });
    }
    const { stdout } = await sandbox().exec('ls -A');
    expect(stdout).toBe('');
    await untilWarm(sandbox());
  });

  it('comes back when root has killed or stopped the interpreter', LIMIT, async () => {
    for (const signal of ['KILL', 'STOP']) {
      await untilWarm(sandbox());
      const found = await warm(sandbox(), `${FIND}\nprint(zygote[0])`);
      const kill = `import os, signal\nos.kill(${Number(found.stdout)}, signal.SIG${signal})`;
      expect(await sandbox().exec(['python3', '-c', kill], { user: 0 })).toMatchObject({ exitCode: 0, stderr: '' });
      for (let i = 0; i < 3; i++) {
        expect(await sandbox().runCode('print(6 * 7)')).toMatchObject({ outcome: 'exited', stdout: '42\n' });
      }
    }
    await untilWarm(sandbox());
  });

  it('leaves to a fresh interpreter what depends on how one starts', LIMIT, async () => {
    await untilWarm(sandbox());
    const seeded = await sandbox().runCode('import os\nprint(hash("a"), os.environ["PYTHONHASHSEED"])', {
      env: { PYTHONHASHSEED: '0' },
    });
    expect(seeded).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/ 0\n$/) });
    expect(seeded.warm).toBeUndefined();
    const other = await sandbox().runCode('import os\nprint(os.getuid())', { user: 65534, cwd: '/tmp' });
    expect(other).toMatchObject({ stdout: '65534\n' });
    expect(other.warm).toBeUndefined();
    const packages = '/home/sandbox/.local/lib/python3.11/site-packages';
    await sandbox().files.write(`${packages}/mine.py`, 'NAME = "of my own"\n');
    await sandbox().files.write(`${packages}/usercustomize.py`, 'import sys\nsys.mine = True\n');
    const own = await sandbox().runCode('import mine, sys\nprint(mine.NAME, sys.mine)');
    expect(own).toMatchObject({ stdout: 'of my own True\n', stderr: '' });
    await sandbox().files.remove('/home/sandbox/.local', { recursive: true });
  });
});

describe('where there is no warm interpreter', () => {
  it('a program gets a fresh one, in an image without python none', LIMIT, async () => {
    await using sandbox = await under.manager.create({ image: 'shell', warm: true });
    expect(await sandbox.warmUp()).toBe(false);
    const result = await sandbox.runCode('print(1)', { language: 'python' });
    expect(result).toMatchObject({ outcome: 'spawn-failed', failure: { stage: 'exec' } });
  });

  it('a writable root and a PATH of the caller rule it out', LIMIT, async () => {
    for (const options of [{ rootfs: 'writable' as const }, { env: { PATH: '/workspace:/usr/bin:/bin' } }]) {
      await using sandbox = await under.manager.create({ image: 'python', warm: true, ...options });
      expect(await sandbox.warmUp()).toBe(false);
      const result = await sandbox.runCode('print(1)');
      expect(result).toMatchObject({ outcome: 'exited', stdout: '1\n' });
      expect(result.warm).toBeUndefined();
    }
  });
});
