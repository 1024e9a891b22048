/** The system calls of a sandbox: what is refused, and what ordinary programs go on doing. */
import Docker from 'dockerode';
import type { Sandbox } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engine } from '../helpers/audit.js';
import { useManager, useSandbox } from '../helpers/sandbox.js';
import { untilWarm } from './warm/warm-runs.js';

const under = useManager();
const EPERM = 1;

/** Number of filters on a command; kernels before 5.9 do not report it. */
async function filtersOf(sandbox: Sandbox): Promise<number | undefined> {
  const { stdout } = await sandbox.exec(['grep', '^Seccomp', '/proc/self/status']);
  expect(stdout).toMatch(/^Seccomp:\t2\n/);
  const count = /^Seccomp_filters:\t(\d+)$/m.exec(stdout)?.[1];
  return count === undefined ? undefined : Number(count);
}

/** The agent makes each call in a file operation. */
async function expectRefusals(sandbox: Sandbox): Promise<void> {
  const answers = Object.fromEntries((await sandbox.attempts(undefined)).trim().split('\n').map((line) => line.split('\t'))); // biome-ignore format: one line
  expect(Object.keys(answers).length).toBeGreaterThanOrEqual(16);
  for (const [call, answer] of Object.entries(answers)) {
    expect([call, answer]).toEqual([call, ['x32', 'i386'].includes(call) ? 'killed' : '1']);
  }
}

/** errno of two calls that only a filter refuses to a process of its own: a user namespace, and io_uring. */
const TWO_CALLS = `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number, argument in ((${process.arch === 'x64' ? 272 : 97}, 0x10000000), (425, 1)):
    print(libc.syscall(number, argument, None), ctypes.get_errno())
print([line.strip() for line in open('/proc/self/status') if line.startswith('Seccomp:')])`;
const BOTH_REFUSED = "-1 1\n-1 1\n['Seccomp:\\t2']\n";

describe("the agent's own filter, where the engine puts none on the container", () => {
  beforeAll(() => {
    // The engine is the real one; only its filter is switched off in each request.
    const { createContainer } = Docker.prototype;
    vi.spyOn(Docker.prototype, 'createContainer').mockImplementation(function (this: Docker, options) {
      const { _body, ...rest } = options as typeof options & { _body: Docker.ContainerCreateOptions };
      const SecurityOpt = ['no-new-privileges', 'seccomp=unconfined'];
      const open = { ..._body, HostConfig: { ..._body.HostConfig, SecurityOpt } };
      return createContainer.call(this, { ...rest, _body: open } as Docker.ContainerCreateOptions);
    });
  });
  afterAll(() => vi.restoreAllMocks());
  const sandbox = useSandbox(under, { warm: true });

  it('is the only one', async () => {
    const { body } = await engine<{ HostConfig: { SecurityOpt: string[] } }>(
      'GET',
      `/containers/ripcord-${sandbox().id}/json`,
    );
    expect(body.HostConfig.SecurityOpt).toContain('seccomp=unconfined');
    expect((await filtersOf(sandbox())) ?? 1).toBe(1);
    expect(sandbox().capabilities).toMatchObject({ seccomp: true, ownFilter: true });
  });

  it('refuses what the agent tries', () => expectRefusals(sandbox()));

  it('is on commands, those of processes forked in advance, and forks of the warm interpreter', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await sandbox().exec(['python3', '-c', TWO_CALLS])).stdout).toBe(BOTH_REFUSED);
    }
    await untilWarm(sandbox());
    const fork = await sandbox().runCode(TWO_CALLS);
    expect(fork).toMatchObject({ stdout: BOTH_REFUSED, warm: true });
    const asRoot = await sandbox().exec(['python3', '-c', TWO_CALLS], { user: 'root' });
    expect(asRoot.stdout).toBe(BOTH_REFUSED);
  });
});

describe('the seccomp profile', () => {
  const sandbox = useSandbox(under);

  it('is our own, in full, on the container', async () => {
    const { body } = await engine<{ HostConfig: { SecurityOpt: string[] } }>(
      'GET',
      `/containers/ripcord-${sandbox().id}/json`,
    );
    const [noNewPrivileges, seccomp] = body.HostConfig.SecurityOpt;
    expect(noNewPrivileges).toBe('no-new-privileges');
    const profile = JSON.parse(seccomp!.replace('seccomp=', ''));
    expect(profile).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: EPERM });
    expect(Object.keys(profile)).toEqual(['defaultAction', 'defaultErrnoRet', 'archMap', 'syscalls']);
  });

  it('refuses what the agent tries', () => expectRefusals(sandbox()));

  it("is on every command twice: the engine's filter, and the agent's own of the same profile", async () => {
    expect(sandbox().capabilities).toMatchObject({ seccomp: true, ownFilter: true });
    expect((await filtersOf(sandbox())) ?? 2).toBe(2);
  });

  it.each([
    ['AF_UNIX', 'AF_UNIX, SOCK_STREAM'],
    ['TCP', 'AF_INET, SOCK_STREAM'],
    ['TCP by its number', 'AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 6'],
    ['UDP', 'AF_INET, SOCK_DGRAM'],
    ['UDP by its number', 'AF_INET6, SOCK_DGRAM, 17'],
    ['TCP over IPv6', 'AF_INET6, SOCK_STREAM, 6'],
    ['routes', 'AF_NETLINK, SOCK_RAW, 0'],
  ])('leaves sockets for %s', async (_what, args) => {
    const { stdout, stderr } = await sandbox().exec(['python3', '-c', `from socket import *; socket(${args}); print("made")`]); // biome-ignore format: one line
    expect(stderr).toBe('');
    expect(stdout).toBe('made\n');
  });

  it.each([
    ['SCTP', 'AF_INET, SOCK_STREAM, 132'],
    ['MPTCP', 'AF_INET, SOCK_STREAM, 262'],
    ['UDP-Lite', 'AF_INET6, SOCK_DGRAM, 136'],
    ['a raw socket', 'AF_INET6, SOCK_RAW, 58'],
    ['a TCP protocol on a datagram', 'AF_INET, SOCK_DGRAM, 6'],
    ['netfilter', 'AF_NETLINK, SOCK_RAW, 12'],
    ['Bluetooth', '31, SOCK_RAW, 1'],
    ['TIPC', '30, SOCK_STREAM'],
    ['CAN', '29, SOCK_RAW, 1'],
  ])('refuses a socket for %s', async (_what, args) => {
    const code = `from socket import *\ntry: socket(${args}); print("made")\nexcept OSError as e: print(e.errno)`;
    expect((await sandbox().exec(['python3', '-c', code])).stdout).toBe(`${EPERM}\n`);
  });

  it('leaves buffers of sockets at their size, whatever a program asks for, and all other options to it', async () => {
    const code = `
from socket import *
s = socket()
for level, option in ((SOL_SOCKET, SO_RCVBUF), (SOL_SOCKET | 1 << 31, SO_SNDBUF), (SOL_SOCKET, SO_SNDBUF)):
    before = s.getsockopt(SOL_SOCKET, option)
    try: s.setsockopt(level - (1 << 32) if level >> 31 else level, option, 1 << 20)
    except OSError as error: print(error.errno)
    print(s.getsockopt(SOL_SOCKET, option) == before)
for option in (SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_REUSEPORT):
    s.setsockopt(SOL_SOCKET, option, 1)
    print(s.getsockopt(SOL_SOCKET, option))
s.setsockopt(SOL_SOCKET, SO_LINGER, bytes(8)); s.settimeout(1); s.setsockopt(SOL_SOCKET, SO_RCVTIMEO, bytes(16))
s.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1); s.setsockopt(IPPROTO_IP, IP_TTL, 9)
socket(AF_INET6).setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
`;
    const { stdout, stderr } = await sandbox().exec(['python3', '-c', code]);
    expect(stderr).toBe('');
    expect(stdout).toBe('True\n1\nTrue\nTrue\n1\n1\n1\n1\n1\n');
  });

  it('leaves no command the short slices by which the agent is served first', async () => {
    const code = `
import ctypes, os, re, struct
libc = ctypes.CDLL(None, use_errno=True)
number = {'x86_64': 314, 'aarch64': 274}[os.uname().machine]
print(libc.syscall(number, 0, struct.pack('IIQiIQQQ', 48, 0, 0, 0, 0, 100000, 0, 0), 0), ctypes.get_errno())
print(os.sched_getscheduler(0), re.findall(r'slice.*[^0-9]100000\\n', open('/proc/self/sched').read()) if os.path.exists('/proc/self/sched') else [])
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))`;
    await using warm = await under.manager.create({ warm: true });
    const plain = await Promise.all([1, 2].map(() => sandbox().exec(['python3', '-c', code])));
    for (let i = 0; i < 5; i++) plain.push(await sandbox().exec(['python3', '-c', code]));
    for (const { stdout } of [...plain, await warm.runCode(code)]) expect(stdout).toBe('-1 1\n0 []\n');
  });

  it('leaves what ordinary programs do', async () => {
    const code = `
import asyncio, ctypes, multiprocessing, os, socket, subprocess, threading, tempfile, mmap
libc = ctypes.CDLL(None, use_errno=True)
print([name for _, name in socket.if_nameindex()])
print(multiprocessing.Pool(2).map(abs, [-1, -2]))
a, b = socket.socketpair(); a.send(b"pair"); print(b.recv(9).decode())
thread = threading.Thread(target=lambda: print("thread")); thread.start(); thread.join()
print(asyncio.run(asyncio.sleep(0, "loop")))
print(subprocess.run(["sh", "-c", "echo piped | cat"], capture_output=True, text=True).stdout.strip())
os.mkfifo("fifo"); os.link("fifo", "fifo2"); os.memfd_create("m"); mmap.mmap(-1, 4096)
print(libc.ptrace(0, 0, 0, 0))  # PTRACE_TRACEME, which debuggers start with
libc.syncfs(os.open(".", 0))
print(socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4][1])
`;
    const { stdout, stderr } = await sandbox().exec(['python3', '-c', code]);
    expect(stderr).toBe('');
    expect(stdout).toBe("['lo']\n[1, 2]\npair\nthread\nloop\npiped\n0\n80\n");
  });

  it('leaves Node its worker threads, servers and interfaces', async () => {
    await using node = await under.manager.create({ image: 'node' });
    const code = `
const { Worker } = require('node:worker_threads')
console.log(Object.keys(require('node:os').networkInterfaces()).join())
new Worker('require("node:worker_threads").parentPort.postMessage("worker")', { eval: true }).on('message', console.log).on('exit', () => {
  const server = require('node:http').createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1', async () => {
    console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text())
    process.exit()
  })
})`;
    const { stdout, stderr } = await node.exec(['node', '-e', code], { timeoutMs: 20_000 });
    expect(stderr).toBe('');
    expect(stdout).toBe('lo\nworker\nserved\n');
  });
});
