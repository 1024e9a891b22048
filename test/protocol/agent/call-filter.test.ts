// The agent's own filter of system calls. These tests run without an engine: no other filter refuses anything here.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type AgentProcess, decodeReady, FLAG, TYPE } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

const SECCOMP = 512;
const OWN_FILTER = 4096;
const FILTERS = ['grep', '^Seccomp', '/proc/self/status'];

/** Seccomp mode and number of filters of what runs these tests. Kernels before 5.9 do not report the number. */
const here = () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^Seccomp_filters:\s*(\d+)/m.exec(status)?.[1] ?? Number.NaN);
};

const withOneMore = () => `Seccomp:\t2\n${Number.isNaN(here()) ? '' : `Seccomp_filters:\t${here() + 1}\n`}`;

async function capabilities(agent: AgentProcess): Promise<number> {
  const ready = await agent.next();
  expect(ready.type).toBe(TYPE.READY);
  return decodeReady(ready.payload).caps;
}

async function attempts(agent: AgentProcess): Promise<Record<string, string>> {
  const { stdout } = await agent.fs('attempts', []);
  return Object.fromEntries(stdout.toString().trim().split('\n').map((line) => line.split('\t'))); // biome-ignore format: one line
}

describeAgent('agent: its own filter of system calls', (suite) => {
  it('is on PID 1 once, and READY reports it', async () => {
    const agent = await suite.start();
    expect((await capabilities(agent)) & (SECCOMP | OWN_FILTER)).toBe(SECCOMP | OWN_FILTER);
    const status = readFileSync(`/proc/${agent.agentPid}/status`, 'utf8');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(/^Seccomp:.*\n(Seccomp_filters:.*\n)?/m.exec(status)?.[0]).toBe(withOneMore());
  });

  it('is on commands, forked at once or in advance, on a terminal, as root, and on what they start', async () => {
    const agent = await suite.ready();
    const { stdout: first } = await agent.run(FILTERS);
    expect(first.toString()).toBe(withOneMore());
    // A pair of processes waits for each command from the fourth on.
    for (let i = 0; i < 4; i++) expect((await agent.run(FILTERS)).stdout.toString()).toBe(withOneMore());
    const terminal = await agent.run(FILTERS, { flags: FLAG.PTY });
    expect(terminal.stdout.toString().replaceAll('\r', '')).toBe(withOneMore());
    expect((await agent.sh(`setsid ${FILTERS.join(' ')}`)).stdout.toString()).toBe(withOneMore());
    expect((await agent.run(FILTERS, { user: '0:0' })).stdout.toString()).toBe(withOneMore());
  });

  it('is on file operations: each forbidden call is refused or ends its process', async () => {
    const answers = await attempts(await suite.ready());
    expect(Object.keys(answers).length).toBeGreaterThanOrEqual(16);
    for (const [call, answer] of Object.entries(answers)) {
      expect([call, answer]).toEqual([call, ['x32', 'i386'].includes(call) ? 'killed' : '1']);
    }
  });

  it('leaves commands what ordinary programs do', async () => {
    const agent = await suite.ready();
    const { stdout, stderr } = await agent.run([
      'python3',
      '-c',
      `
import ctypes, os, socket, subprocess, threading
a, b = socket.socketpair(); a.send(b"pair"); print(b.recv(9).decode())
thread = threading.Thread(target=lambda: print("thread")); thread.start(); thread.join()
print(subprocess.run(["sh", "-c", "echo piped | cat"], capture_output=True, text=True).stdout.strip())
print(ctypes.CDLL(None).ptrace(0, 0, 0, 0))`,
    ]);
    expect(stderr.toString()).toBe('');
    expect(stdout.toString()).toMatch(/^pair\nthread\npiped\n0\n$/);
  });

  it('answers calls that are newer than the profile as a kernel that does not have them', async () => {
    const agent = await suite.ready();
    const code =
      'import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.syscall(999); print(ctypes.get_errno())';
    expect((await agent.run(['python3', '-c', code])).stdout.toString()).toBe('38\n');
  });

  it('refuses ptrace on kernels before 4.8, where a tracer can change a call behind the filter', async () => {
    const agent = await suite.ready({ wrapper: ['setarch', '--uname-2.6'] });
    const code =
      'import ctypes, os; libc = ctypes.CDLL(None, use_errno=True); print(os.uname().release[:3], libc.ptrace(0, 0, 0, 0), ctypes.get_errno())';
    expect((await agent.run(['python3', '-c', code])).stdout.toString()).toBe('2.6 -1 1\n');
  });

  it('is left out where the kernel takes no filter: the agent goes on, and READY reports that', async () => {
    const agent = await suite.start({ wrapper: suite.without('filters') });
    expect((await capabilities(agent)) & OWN_FILTER).toBe(0);
    expect((await agent.sh('echo works')).stdout.toString()).toBe('works\n');
    // The kernel itself refuses a bad descriptor: EBADF, and no EPERM of a filter.
    expect((await attempts(agent)).setns).toBe('9');
  });
});
